"""What happens on the played site: a scenario for books-play (scenario.hpp), made from a seed.

Jobs of all fates are drawn by weight; what is done to them (cancelled, suspended, put back, their
node lost) comes at microseconds that fall on no second, so that whoever rounds is found out.
"""
import random

import site_of_books as site

MICRO = 1_000_000
DAYS = 4.5
# What becomes of a job: weight, and whether it may be an array's or a heterogeneous one.
FATES = {
    "completed": 30,
    "failed": 9,
    "timeout": 7,
    "cancelled": 7,
    "cancelled waiting": 4,
    "suspended": 8,
    "requeued": 5,
    "out of memory": 2,
    "launch failed": 1,
    "array": 3,
    "heterogeneous": 5,
    "container": 4,
    "scavenger": 10,
    "urgent": 5,
}


class Job:
    def __init__(self, key, when, words):
        self.key, self.when, self.words = key, when, words
        self.minutes, self.run, self.qos, self.end = 1, 0, "", "0"


class Drawing:
    def __init__(self, seed, shape, jobs):
        self.chance = random.Random(seed)
        self.shape, self.jobs = shape, jobs
        self.homes = site.homes(shape)
        self.begin = shape.begin * MICRO
        self.length = int(DAYS * 86_400 * MICRO)
        self.lines = []  # (time, order, text)
        self.made = 0

    def at(self, when, text):
        self.lines.append((when, len(self.lines), f"{when} {text}"))

    def seconds(self, low, high):
        """Mostly near `low`; microseconds."""
        return int((low + (high - low) * self.chance.random() ** 3) * MICRO)

    def size(self):
        """What it asks for: partition, CPUs, memory, cards, licences."""
        draw = self.chance
        if draw.random() < 0.2:
            kind = draw.choice(["gpu:1", "gpu:2", "gpu:a100:1", "gpu:a100:4", "gpu:h100:2"])
            cpus, memory = draw.choice([2, 4, 8]), draw.choice([4000, 16000, 30001])
            return f"-p gpu --gres={kind} -n1 -c{cpus} --mem={memory}", kind
        cpus = draw.choice([1, 1, 2, 3, 4, 8, 16])
        words = f"-p batch -n{cpus}"
        if draw.random() < 0.1:
            words = f"-p batch -N2 -n{2 * cpus}"
        elif draw.random() < 0.04:
            words = "-p batch -N1 --exclusive"
        words += f" --mem={draw.choice([500, 1024, 3000, 10_007])}"
        if draw.random() < 0.05:
            words += f" -L matlab:{draw.randint(1, 3)}"
        return words, ""

    def whose(self):
        user = self.chance.choice(self.shape.users)
        account = self.chance.choice(self.homes[user])
        return user, account

    def moment(self):
        """Often around the change of prices, and the month's end."""
        draw = self.chance
        if draw.random() < 0.15:
            middle = draw.choice([self.shape.change, self.shape.turn]) * MICRO
            return middle - self.seconds(0, 7200)
        return self.begin + 60 * MICRO + int(draw.random() * self.length)

    def job(self):
        draw = self.chance
        fate = draw.choices(list(FATES), FATES.values())[0]
        user, account = self.whose()
        minutes = draw.choice([30, 90, 240, 720])
        words, cards = self.size()
        job = Job(f"j{self.made}", self.moment(), words)
        job.minutes, job.qos = minutes, draw.choice(["standard"] * 4 + ["high", "low"])
        job.run = min(self.seconds(45, 5 * 3600), minutes * 60 * MICRO - MICRO)
        if cards:
            job.qos = "gpus"
        self.made += 1
        self.shape_by(fate, job)
        if fate not in ("scavenger", "urgent") and draw.random() < 0.3:
            job.words += " --no-requeue"
        if draw.random() < 0.2:
            job.words += f" --wckey=project{draw.randint(1, 3)}"
        if account == "staff":
            job.qos = "normal"
        common = f"-A {account} --qos={job.qos} -t {job.minutes} "
        text = " : ".join(common + part for part in job.words.split(" : "))
        self.at(job.when, f"submit {job.key} {user} {job.run} {job.end} -- {text}")

    def shape_by(self, fate, job):
        """What its fate makes of a job, and what is done to it."""
        draw = self.chance
        within = job.when + int(draw.random() * job.run)
        if fate == "failed":
            job.end = str(draw.randint(1, 255))
        elif fate == "timeout":
            job.run, job.minutes = self.seconds(7200, 9000), draw.choice([1, 7, 55])
        elif fate in ("out of memory", "launch failed"):
            job.end = {"out of memory": "oom", "launch failed": "launch"}[fate]
        elif fate == "cancelled":
            self.at(within, f"job cancel {job.key}")
        elif fate == "cancelled waiting":
            job.words += " --begin=now+3hours"
            self.at(job.when + self.seconds(1, 9000), f"job cancel {job.key}")
        elif fate == "suspended":
            self.suspend(job.key, job.when, job.run)
        elif fate == "requeued":
            self.at(within, f"job requeue {job.key}")
        elif fate == "array":
            tasks = draw.randint(3, 9)
            job.words += f" --array=0-{tasks - 1}%{draw.randint(2, 9)}"
            self.made += tasks - 1
            self.at(within, f"job cancel {job.key} {tasks // 2}")
        elif fate == "heterogeneous":
            job.words += f" : -p batch -n{draw.randint(1, 4)} --mem=700"
            job.words += " : -p small -n2 --mem=300" if draw.random() < 0.4 else ""
            self.made += 1
        elif fate == "container":
            job.words += " --container-image=alpine:3"
        elif fate == "scavenger":
            job.words, job.qos = f"-p small -n{draw.choice([8, 16, 32])} --mem=8000", fate
            job.minutes, job.run = 720, self.seconds(3600, 36_000)
        elif fate == "urgent":
            job.words, job.qos = f"-p small -n{draw.choice([16, 32, 64])} --mem=16000", fate

    def suspend(self, key, when, run):
        for _ in range(self.chance.randint(1, 3)):
            when += self.seconds(20, run / MICRO)
            self.at(when, f"job suspend {key}")
            when += self.seconds(3, 4000)
            if self.chance.random() < 0.9:
                self.at(when, f"job resume {key}")
            else:
                self.at(when, f"job cancel {key}")

    def failures(self, count):
        nodes = [f"c{n}" for n in range(1, 13)] + [f"g{n}" for n in range(1, 5)]
        for _ in range(count):
            node = self.chance.choice(nodes)
            when = self.begin + self.seconds(3600, self.length / MICRO)
            away = self.seconds(1, 1200)
            self.at(when, f"node {node} down")
            self.at(when + away, f"node {node} up")

    def money(self):
        begin, change, turn = self.begin, self.shape.change * MICRO, self.shape.turn * MICRO
        self.at(begin, "load prices.json")
        self.at(begin + 1, "money topup science 60000")
        self.at(begin + 2, "money topup astro 40")
        soon = change + 12 * 3600 * MICRO + 17
        self.at(begin + 3, f"buy science nights cpu 900 27.50 {soon}")
        self.at(begin + 4, "buy science hours cpu 2500 88.01 0")
        self.at(begin + 5, f"buy astro cards gres/gpu 3 2.2 {turn}")
        self.at(begin + 6, "buy bio memory mem 700 3.33 0")
        self.at(begin + 40_000 * MICRO, "money credit science 12.345678")
        self.at(begin + 50_000 * MICRO, "money correction astro -0.000001")
        self.at(begin + 60_000 * MICRO, "money transfer science 300 astro")
        self.at(change + 7_000 * MICRO, "money topup astro 2500.05")
        self.at(change + 8_000 * MICRO, "money withdrawal science 100")
        self.at(turn + 5_432_100_000, "close 2023-11")
        self.at(turn + 6_000 * MICRO, "money payment acme 120.50")
        self.at(turn + 7_000 * MICRO, "money correction acme -3.141592")

    def scenario(self):
        self.money()
        while self.made < self.jobs:
            self.job()
        self.failures(max(4, self.jobs // 150))
        end = self.begin + self.length + 40_000 * MICRO
        self.at(end, "clear")
        self.at(end + 6 * 3600 * MICRO, "clear")
        ordered = sorted(self.lines)
        return "\n".join(text for _, _, text in ordered) + "\n"


def scenario(seed, shape, jobs):
    return Drawing(seed, shape, jobs).scenario()
