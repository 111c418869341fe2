#!/usr/bin/env python3
"""Money through kill -9: jobs are submitted, cancelled and requeued and customers top up, while the
controller is killed at random moments and started again. Nothing may be lost and nothing doubled:

- of the ids that sbatch printed none is unknown, and each plain job ran exactly once;
- of the top-ups that were answered each is in the books once, though each was sent until answered;
- each attempt that started is held for once and settled once, for the time that it ran;
- `sluice bill verify` holds after every tenth kill and at the end.

Usage: books_kill.py [--rounds N] [--seed S] [--submitters K]
"""
import collections
import json
import multiprocessing
import random

import controller_kill
import harness
from harness import Cluster, check, wait_for

PRICES = """
price_books:
  - name: standard
    version: 1
    currency: CHF
    valid_from: 2020-01-01
    prices:
      - {sku: core, meter: cpu, unit: core-hour, price: 0.36, service: HPC batch}
      - {sku: memory, meter: mem, unit: gib-hour, price: 0.012, service: HPC batch}
customers:
  - {name: physics, account: physics, kind: prepaid, currency: CHF, book: standard}
  - {name: acme, account: acme, kind: postpaid, currency: CHF, book: standard,
     credit_limit: 1000000, discount: 10}
"""
CONFIG = """
cluster_name: kills
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 4
billing_period: 1
kill_wait: 1
nodes:
  - {node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 8, real_memory: 2000, autodetect: no}
partitions:
  - {partition_name: batch, nodes: ALL, default: yes}
"""
ACCOUNTS = {"physics": "daemon", "acme": "bin"}


def set_up(cluster):
    for account, user in ACCOUNTS.items():
        cluster.must("sacctmgr", "-i", "add", "account", account)
        cluster.must("sacctmgr", "-i", "add", "user", user, f"account={account}")
    path = cluster.work / "prices.yaml"
    path.write_text(PRICES)
    cluster.must("sluice", "bill", "prices", "load", path)
    cluster.must("sluice", "bill", "topup", "physics", "100000")


def submit(cluster, user, *words):
    """A job's id; None if the controller wasn't there for too long."""
    done = cluster.run(
        *("sbatch", "--parsable", "-D/tmp", "--mem=4M", "-o", "/dev/null", "-t", "5", *words),
        user=user,
        timeout=120,
    )
    return int(done.stdout) if done.returncode == 0 else None


def submitter(cluster, number, stop, runs):
    """Plain jobs that say that they ran; now and then one that is cancelled or put back."""
    chance = random.Random(number)
    users = list(ACCOUNTS.values())
    with open(cluster.work / f"printed.{number}", "w", encoding="ascii") as printed:
        while not stop.is_set():
            user = chance.choice(users)
            if chance.random() < 0.85:
                job = submit(cluster, user, "--wrap", f"echo $SLURM_JOB_ID >>{runs}")
                if job is not None:
                    print(job, file=printed, flush=True)
                continue
            job = submit(cluster, user, "--requeue", "-n2", "-J", "long", "--wrap", "sleep 600")
            if job is None:
                continue
            if chance.random() < 0.5:
                cluster.run("scontrol", "requeue", job, timeout=120)
            while cluster.run("scancel", job, timeout=120).returncode != 0 and not stop.is_set():
                pass


def payer(cluster, stop):
    """One franc at a time, each sent with its own id until it is answered, and then once more."""
    chance = random.Random(7)
    with open(cluster.work / "paid", "w", encoding="ascii") as paid:
        while not stop.is_set():
            request = f"{chance.getrandbits(128):032x}"
            words = ("sluice", "bill", "topup", "physics", "1", "--request-id", request)
            while cluster.run(*words, timeout=120).returncode != 0:
                pass
            cluster.run(*words, timeout=120)
            print(request, file=paid, flush=True)


def kill_rounds(cluster, rounds, chance):
    for done in range(0, rounds, 10):
        controller_kill.kill_rounds(cluster, min(10, rounds - done), chance)
        cluster.must("sluice", "bill", "verify", timeout=300)
        if rounds >= 50 and done % 50 == 40:
            print(f"{done + 10} rounds", flush=True)


def entries(cluster):
    """Of all months that there are; a test may go over a month's end."""
    found = []
    now = cluster.must("date", "-u", "+%Y-%m").strip()
    before = cluster.must("date", "-u", "-d", "-1 hour -20 minutes", "+%Y-%m").strip()
    for month in sorted({before, now}):
        found += json.loads(
            cluster.must("sluice", "bill", "export", "--format", "json", "--month", month)
        )
    return found


def attempts_of(cluster):
    """[(job, seconds of its begin and end)] of all attempts that started."""
    fields = "jobidraw,start,end,state"
    out = cluster.must(
        *("sacct", "-a", "-X", "-D", "-n", "-P", "-S", "2000-01-01", "-o", fields),
        env={"SLURM_TIME_FORMAT": "%s"},
    )
    rows = [line.split("|") for line in out.splitlines()]
    return [(int(job), int(a), int(b)) for job, a, b, _ in rows if a.isdigit() and b.isdigit()]


def check_books(cluster):
    ledger = entries(cluster)
    numbers = [e["entry"] for e in ledger]
    check(numbers == list(range(numbers[0], numbers[0] + len(numbers))), "a gap in the entries")
    paid = (cluster.work / "paid").read_text().split()
    topups = [e for e in ledger if e["kind"] == "topup"]
    check(len(topups) == len(paid) + 1, f"{len(paid)} were paid, {len(topups)} are in the books")
    opened, settled = collections.Counter(), {}
    for entry in ledger:
        key = entry["uid128"], entry["attempt"]
        if entry["kind"] == "hold":
            opened[key] += 1
        if entry["fate"]:
            check(key not in settled, f"attempt {key} was settled twice")
            second = 1_000_000
            settled[key] = entry["job"], entry["from_us"] // second, entry["to_us"] // second
    twice = [key for key, count in opened.items() if count > 1]
    check(not twice, f"held for twice: {twice[:5]}")
    check(set(opened) == set(settled), "an attempt wasn't settled")
    ran, known = collections.Counter(settled.values()), collections.Counter(attempts_of(cluster))
    check(ran == known, f"settled only: {list((ran - known))[:9]}, ran: {list((known - ran))[:9]}")
    print(f"{len(ledger)} entries, {len(paid)} top-ups, {len(settled)} attempts")


def everything_is_over(cluster):
    held = json.loads(cluster.must("sluice", "bill", "balance", "--json"))
    return all(float(one["held"]) == 0 for one in held)


def check_jobs(cluster, submitters, runs):
    printed = []
    for n in range(submitters):
        printed += controller_kill.ids_in(cluster.work / f"printed.{n}")
    known = controller_kill.known_jobs(cluster)
    ran = collections.Counter(controller_kill.ids_in(runs))
    print(f"{len(printed)} plain jobs printed, {len(known)} known, {sum(ran.values())} runs")
    check(len(printed) == len(set(printed)), "an id was printed twice")
    wrong = [(i, known.get(i)) for i in printed if known.get(i) != "COMPLETED"]
    check(not wrong, f"printed, but not completed: {wrong[:5]}")
    other = {i: ran[i] for i in printed if ran[i] != 1}
    check(not other, f"ran not once: {list(other.items())[:5]}")


def test(rounds, seed, submitters):
    print(f"seed {seed}, {rounds} rounds, {submitters} submitters", flush=True)
    with Cluster(config=CONFIG) as cluster:
        set_up(cluster)
        runs, stop = cluster.work / "runs", multiprocessing.Event()
        runs.touch()
        runs.chmod(0o666)
        loops = [
            multiprocessing.Process(target=submitter, args=(cluster, i, stop, runs))
            for i in range(submitters)
        ]
        loops.append(multiprocessing.Process(target=payer, args=(cluster, stop)))
        for loop in loops:
            loop.start()
        try:
            kill_rounds(cluster, rounds, random.Random(seed))
        finally:
            stop.set()
            for loop in loops:
                loop.join(180)
        check(all(loop.exitcode == 0 for loop in loops), "a submitter or the payer failed")
        cluster.run("scancel", "-n", "long")
        patience = 60 + rounds
        queue = ("squeue", "-h", "-o", "%i")
        wait_for(lambda: not cluster.must(*queue), patience, "the end of all jobs")
        wait_for(lambda: everything_is_over(cluster), 60, "the last release")
        check_jobs(cluster, submitters, runs)
        check_books(cluster)
        print(cluster.must("sluice", "bill", "verify", timeout=300).strip())


if __name__ == "__main__":
    harness.rounds_main(test, submitters=2)
