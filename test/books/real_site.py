"""The site on real daemons: jobs of all fates, short ones, on four nodes of this machine.

Prices change while they run; a node's daemon is killed and comes back; the controller is killed in
the middle and started again. Needs root.
"""
import os
import pathlib
import random
import shutil
import time

import container_cluster
import harness
import images
import site_of_books as site
from collect import Collector
from harness import Cluster, check, wait_for
from registry import Registry

USERS = ("daemon bin sys games man lp mail news uucp proxy www-data backup list irc").split()
SLEEP = "exec sleep 600"


def shape(now):
    fixed = "autodetect: no, node_addr: 127.0.0.1, real_memory: 4000"
    return site.Shape(
        users=USERS,
        nodes=[
            f'{{node_name: "n[1-3]", cpus: 16, {fixed}}}',
            f'{{node_name: n4, cpus: 16, gres: "gpu:a100:4", {fixed}}}',
        ],
        partitions=[
            "{partition_name: batch, nodes: 'n[1-2]', default: yes,"
            ' tres_billing_weights: "CPU=1,Mem=0.25G"}',
            "{partition_name: gpu, nodes: n4,"
            ' tres_billing_weights: "CPU=0.5,GRES/gpu=8,GRES/gpu:a100=4"}',
            "{partition_name: small, nodes: n3}",
        ],
        begin=now,
        change=now + 14,
        turn=now + 20,
        more="billing_period: 1\nslurmd_timeout: 2\ndef_mem_per_cpu: 5\nkill_wait: 1\n",
    )


class Day:
    """A cluster, a registry, and what is done there."""

    def __init__(self, seed, jobs):
        self.chance, self.jobs = random.Random(seed), jobs
        self.begun = int(time.time())
        self.shape = shape(self.begun)
        self.homes = site.homes(self.shape)
        self.submitted = []  # (id, how many runs)
        self.made = 0
        self.registry = self.cluster = None
        self.image = ""

    def open(self, folder):
        config = site.config(self.shape)
        if not container_cluster.runtime_missing():
            self.registry = Registry(folder)
            self.registry.start()
            self.registry.push(images.get("box"), "t/box", "1")
            self.image = f"{self.registry.host}#t/box:1"
            config += f"insecure_registries: {self.registry.host}\n"
        self.cluster = Cluster(config=config)
        self.cluster.__enter__()

    def close(self):
        if self.cluster:
            self.cluster.close()
        if self.registry:
            self.registry.kill()

    def must(self, *words, **options):
        return self.cluster.must(*words, **options)

    def set_up(self):
        for line in site.accounts(self.shape):
            self.must("sacctmgr", "-i", *line.split())
        prices = self.cluster.work / "prices.json"
        prices.write_text(site.prices(self.shape))
        self.must("sluice", "bill", "prices", "load", prices)
        for words in (
            "topup science 5000",
            "topup astro 4000",
            "buy science hours --meter cpu --units 1 --price 0.70",
            "buy astro cards --meter gres/gpu --units 1 --price 0.3",
            "buy bio memory --meter mem --units 3 --price 3.33",
            "transfer science astro 12.34",
        ):
            self.must("sluice", "bill", *words.split())

    def submit(self, words, wrap, user=None, runs=1):
        user = user or self.chance.choice(USERS)
        account = self.chance.choice(self.homes[user])
        given = [] if account != "staff" else ["--qos=normal"]
        words = ["-A", account, "-t", "5", "--mem=20M", "-o", "/dev/null", *words.split(), *given]
        first = self.must(
            "sbatch", "--parsable", "-D/tmp", *words, "--wrap", wrap, user=user, timeout=90
        )
        self.made += runs
        self.submitted.append(int(first.strip()))
        return self.submitted[-1]

    def nap(self, low=0.05, high=2.0):
        return f"sleep {low + (high - low) * self.chance.random() ** 2:.2f}"

    def one(self):
        """A job, or an array, that ends by itself."""
        draw = self.chance.random()
        size = (
            f"-n{self.chance.choice([1, 1, 2, 3])} --qos={self.chance.choice(['standard', 'low'])}"
        )
        if draw < 0.15:
            self.submit(size, f"{self.nap()}; exit {self.chance.randint(1, 99)}")
        elif draw < 0.35:
            tasks = self.chance.randint(2, 8)
            self.submit(f"{size} --array=0-{tasks - 1}", self.nap(), runs=tasks)
        elif draw < 0.45:
            kind = self.chance.choice(["gpu:1", "gpu:a100:2"])
            self.submit(f"-p gpu -n1 --gres={kind} --qos=gpus", self.nap())
        elif draw < 0.5:
            self.submit(f"{size} -L matlab:2 --wckey=project1", self.nap())
        elif draw < 0.55:
            self.heterogeneous()
        elif draw < 0.58:
            self.submit("-N2 -n4", self.nap())
        else:
            self.submit(size, self.nap())

    def heterogeneous(self):
        user = "daemon"
        words = f"-A {self.homes[user][0]} -t 5 -o /dev/null -n1 --mem=20M"
        words += f" : -A {self.homes[user][0]} -n2 --mem=10M"
        wrap = self.nap()
        head = ("sbatch", "--parsable", "-D/tmp", "--wrap", wrap)
        out = self.must(*head, *words.split(), user=user)
        self.submitted.append(int(out.strip()))
        self.made += 2

    def state(self, job):
        return self.must("squeue", "-h", "-j", job, "-o", "%T", "-t", "all").split("\n")[0].strip()

    def wait_state(self, job, *states, seconds=30):
        wait_for(lambda: self.state(job) in states, seconds, f"job {job}: {self.state(job)}")

    def running(self, words, user=None):
        job = self.submit(words, SLEEP, user)
        self.wait_state(job, "RUNNING")
        return job

    def cancelled(self):
        waiting = self.submit("-H", "true")
        self.must("scancel", waiting)
        running = self.running("-n1")
        self.must("scancel", running)

    def suspended(self):
        first, second = self.running("-p gpu -n1 --gres=gpu:1"), self.running("-n2")
        for job in (first, second):
            self.must("scontrol", "suspend", job)
        check(self.state(second) == "SUSPENDED", self.state(second))
        self.some(6)
        self.resume(second)
        self.must("scancel", first)
        self.some(3)
        self.must("scontrol", "suspend", second)
        self.resume(second)
        self.must("scancel", second)

    def resume(self, job):
        """Others may have its CPUs for a while."""
        words = ("scontrol", "resume", job)
        wait_for(lambda: self.cluster.run(*words).returncode == 0, 30, f"job {job} goes on")

    def requeued(self):
        job = self.running("-n1 --requeue")
        self.must("scontrol", "requeue", job)
        self.wait_state(job, "RUNNING")
        self.must("scancel", job)
        self.made += 1

    def displaced(self):
        """Twelve and twelve CPUs of sixteen don't fit; the scavenger is put back."""
        back = self.running("-p small -n12 --qos=scavenger", "bin")
        urgent = self.submit("-p small -n12 --qos=urgent", "sleep 1.5", "daemon")
        self.wait_state(urgent, "RUNNING", "COMPLETED")
        gone = self.running("-p small -n2 --qos=low", "bin")
        self.submit("-p small -n16 --qos=urgent", "sleep 0.5", "daemon")
        wait_for(lambda: self.state(gone) != "RUNNING", 30, "the low one makes room")
        self.must("scancel", back, gone)
        self.made += 1

    def node_fails(self):
        lost = self.running("-p small -n1 --no-requeue")
        again = self.running("-p small -n2 --requeue")
        self.cluster.kill("n3")
        wait_for(lambda: self.state(lost) == "NODE_FAIL", 30, f"NODE_FAIL of {lost}")
        self.must("scancel", again)
        self.cluster.up()
        self.made += 1

    def in_containers(self, count):
        home = self.cluster.work / "home"
        home.mkdir(exist_ok=True)
        home.chmod(0o777)
        user = "backup"
        words = ["-A", self.homes[user][0], "-t", "5", "-n1", "--mem=100M", "-o", "/dev/null"]
        words += [f"--container-image={self.image}", "--wrap", "cat /etc/os-release"]
        for _ in range(count):
            environment = {"HOME": str(home), "USER": user}
            out = self.must("sbatch", "--parsable", "-D/tmp", *words, user=user, env=environment)
            self.submitted.append(int(out))
            self.made += 1

    def some(self, count):
        for _ in range(count):
            self.one()

    def play(self):
        long = [self.submit("-n1", SLEEP) for _ in range(2)]  # over the changes of prices
        late = self.submit("-n1 -t 1", SLEEP) if self.jobs >= 300 else None  # to its limit
        self.some(10)
        for act in (self.cancelled, self.suspended, self.requeued, self.displaced):
            act()
            self.some(2)
        self.cluster.kill("controller")
        self.cluster.up()
        self.some(3)
        self.node_fails()
        if self.image:
            self.in_containers(2 + self.jobs // 60)
        while self.made < self.jobs:
            self.one()
            if self.made % 97 == 0:
                self.must("sluice", "bill", "topup", "astro", "1")
        wait_for(lambda: time.time() > self.shape.turn + 1, 60, "the last change of prices")
        self.must("scancel", *long)
        if late:
            self.wait_state(late, "TIMEOUT", seconds=120)
        rest = ("squeue", "-h", "-o", "%i %T %r")
        wait_for(lambda: not self.must(*rest), 120 + self.jobs // 4, "the end of all jobs")

    def export(self, folder):
        collector = Collector(self.must, folder)
        last = int(time.time()) + 3600
        collector.everything(self.begun - 3600, last, site.prices(self.shape))


def run(jobs, seed, folder):
    if os.geteuid() != 0:
        raise SystemExit(77)
    base = pathlib.Path(os.environ.get("SLUICE_TEST_TMP", "/var/tmp"))
    place = pathlib.Path(harness.tempfile.mkdtemp(prefix="sluice-registry.", dir=base))
    day = Day(seed, jobs)
    try:
        day.open(place / "registry")
        day.set_up()
        day.play()
        print(f"{day.made} runs in {time.time() - day.begun:.1f} s", flush=True)
        day.export(folder)
    finally:
        day.close()
        shutil.rmtree(place, ignore_errors=True)
