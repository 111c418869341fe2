#!/usr/bin/env python3
"""Holds the recorded behaviour of the reference (test/compat/*.yaml) against this build, on a cluster
of 16 nodes. A difference that is not in the list below fails.

Usage: compat.py [--filter GTEST_FILTER]
"""
import argparse
import json
import subprocess
import sys

import harness
from harness import BUILD, Cluster

TOGETHER = "tasks of one node that end at different moments are told one by one"
LATE = "the controller hears of a batch script's step a moment after its start"

# Come out either way, by moments. Differences by intent stand with the cases themselves.
KNOWN = {
    "salloc.exit_code_of_a_step": TOGETHER,
    "srun.exit_code_of_a_task": TOGETHER,
    "srun.killed_by_SIGTERM": TOGETHER,
    "srun.killed_by_SIGKILL": TOGETHER,
    "squeue.steps": LATE,
    "squeue_errors.letter_that_steps_do_not_have": LATE,
    "scontrol.requeue_of_a_running_job": "a requeued job may run again before one looks",
}


def run_cases(cluster, chosen):
    """Name -> text of the failures; and how many cases ran."""
    report = cluster.work / "report.json"
    subprocess.run([BUILD / "test" / "compat_cases", f"--gtest_output=json:{report}",
                    f"--gtest_filter={chosen}"], env=cluster.environment, timeout=900, check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    failed, ran = {}, set()
    for suite in json.loads(report.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            ran.add(name)
            if "failures" in case:
                failed[name] = "\n".join(f["failure"] for f in case["failures"])
    return failed, ran


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--filter", default="*")
    given = options.parse_args()
    with Cluster(nodes=16, cpus=4, memory="4096") as cluster:
        failed, ran = run_cases(cluster, given.filter)
    new = {name: text for name, text in failed.items() if name not in KNOWN}
    for name, text in new.items():
        print(f"DIFFERS {name}\n{text}\n")
    print(f"{len(ran)} cases, {len(failed)} differ: {len(failed) - len(new)} known, {len(new)} new")
    sys.exit(1 if new or not ran else 0)


if __name__ == "__main__":
    main()
