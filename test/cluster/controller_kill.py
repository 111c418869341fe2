#!/usr/bin/env python3
"""Submitters in a loop while the controller is killed (-9) at random moments and started again.

Afterwards, of the ids that sbatch printed: none is unknown, none was printed twice, and each job
ran exactly once. Each job says so itself by appending its id to a file (O_APPEND, one write).

Usage: controller_kill.py [--rounds N] [--seed S] [--submitters K]
"""
import collections
import multiprocessing
import random
import time

import harness
from harness import Cluster, check, wait_for


def submitter(cluster, number, stop, runs):
    """Submits until told to stop; prints of sbatch go to a file of its own, one line each."""
    printed = open(cluster.work / f"printed.{number}", "w", encoding="ascii")
    with open(cluster.work / f"errors.{number}", "w", encoding="utf-8") as errors:
        while not stop.is_set():
            done = cluster.run(
                "sbatch",
                "--parsable",
                "--mem=4M",
                "-o",
                "/dev/null",
                "--wrap",
                f"echo $SLURM_JOB_ID >>{runs}",
                timeout=120,
            )
            if done.returncode == 0:
                printed.write(done.stdout)
                printed.flush()
            else:
                errors.write(done.stderr)
    printed.close()


def ids_in(path):
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def known_jobs(cluster):
    """id -> state, by the books."""
    out = cluster.must("sacct", "-X", "-n", "-P", "-S", "2000-01-01", "-o", "jobid,state")
    return {int(line.split("|")[0]): line.split("|")[1] for line in out.splitlines()}


def kill_rounds(cluster, rounds, chance):
    for done in range(rounds):
        time.sleep(chance.uniform(0.0, 0.4))  # the random moment itself, waits for nothing
        cluster.kill("controller")
        cluster.up()
        if rounds >= 50 and done % 50 == 49:
            print(f"{done + 1} rounds", flush=True)


def compare(cluster, printed, runs):
    known = known_jobs(cluster)
    ran = collections.Counter(ids_in(runs))
    twice_printed = [i for i, n in collections.Counter(printed).items() if n > 1]
    unknown = [i for i in printed if i not in known]
    never = [i for i in known if ran[i] == 0]
    twice = [i for i, n in ran.items() if n > 1]
    unasked = [i for i in ran if i not in known]
    wrong = {i: s for i, s in known.items() if s != "COMPLETED"}
    print(f"{len(printed)} ids printed, {len(known)} jobs known, {sum(ran.values())} runs")
    check(not twice_printed, f"ids printed twice: {twice_printed[:10]}")
    check(not unknown, f"{len(unknown)} printed ids are unknown: {unknown[:10]}")
    check(not twice, f"{len(twice)} jobs ran more than once: {twice[:10]}")
    check(not never, f"{len(never)} jobs never ran: {never[:10]}")
    check(not unasked, f"jobs ran that the books don't know: {unasked[:10]}")
    check(not wrong, f"{len(wrong)} jobs not COMPLETED: {dict(list(wrong.items())[:10])}")


def test(rounds, seed, submitters):
    print(f"seed {seed}, {rounds} rounds, {submitters} submitters", flush=True)
    with Cluster(nodes=2, cpus=8, memory="2G") as cluster:
        runs = cluster.work / "runs"
        stop = multiprocessing.Event()
        loops = [
            multiprocessing.Process(target=submitter, args=(cluster, i, stop, runs))
            for i in range(submitters)
        ]
        for loop in loops:
            loop.start()
        try:
            kill_rounds(cluster, rounds, random.Random(seed))
        finally:
            stop.set()
            for loop in loops:
                loop.join(180)
        check(all(loop.exitcode == 0 for loop in loops), "a submitter failed")
        wait_for(
            lambda: not cluster.must("squeue", "-h", "-o", "%i"), 60 + rounds, "the end of all jobs"
        )
        printed = [i for n in range(submitters) for i in ids_in(cluster.work / f"printed.{n}")]
        check(len(printed) >= rounds, f"only {len(printed)} jobs were submitted")
        refused = sum(
            len((cluster.work / f"errors.{n}").read_text().splitlines()) for n in range(submitters)
        )
        print(f"{refused} lines of refusal")
        compare(cluster, printed, runs)


if __name__ == "__main__":
    harness.rounds_main(test, submitters=3)
