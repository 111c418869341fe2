#!/usr/bin/env python3
"""Holds the recorded behaviour of the reference (test/compat/*.yaml) against this build, on a cluster
of 16 nodes. A difference that is not in the list below fails; so does a listed one that is gone.

Usage: compat.py [--filter GTEST_FILTER]
"""
import argparse
import json
import subprocess
import sys

import harness
from harness import BUILD, Cluster

MORE = "names the reason before the refusal"
REFUSED = "asks for what the cluster can never give: refused at once instead of pending for ever"
TOGETHER = "tasks of one node that end at different moments are told one by one"
BLANK = "the reference prints an empty line after the error, which nothing reads"
LATE = "the controller hears of a batch script's step a moment after its start"
PREFIX = "messages of a task don't name the node: the reference does so only with several slurmd"

KNOWN = {
    "salloc.exit_code_of_a_step": TOGETHER,
    "srun.exit_code_of_a_task": TOGETHER,
    "srun.killed_by_SIGTERM": TOGETHER,
    "srun.killed_by_SIGKILL": TOGETHER,
    "sbatch.more_nodes_than_there_are": REFUSED,
    "sbatch.node_count_with_k": REFUSED,
    "sbatch.unknown_job_in_a_dependency": "an unknown job is refused in every kind of dependency",
    "sbatch_errors.ambiguous_option": "a later Slurm has --extra too",
    "sbatch_errors.every_node_excluded": MORE,
    "sbatch_errors.unknown_feature": MORE,
    "sbatch_errors.unknown_gres": MORE,
    "srun_errors.unknown_feature": MORE,
    "srun_errors.unknown_gres": MORE,
    "srun_errors.every_node_excluded": MORE,
    "sbatch_errors.array_index_too_large": "arrays may be larger than the reference's 1001",
    "scontrol.hold_and_release": "a released job shows at once that it waits for its begin time",
    "scontrol.partition_created_and_deleted": "partitions are configured in sluice.yaml",
    "scontrol.text_of_an_error_number": "there are no error numbers",
    "sinfo.by_node__long": "cpus of a node are cores of one socket; the local disk has a size",
    "sinfo.letters": "the local disk has a size",
    "sinfo.stray_words": "stray words are refused",
    "squeue.steps": LATE,
    "squeue_errors.letter_that_steps_do_not_have": LATE,
    "squeue_errors.step_id_that_is_no_number": "the reference prints bytes of nowhere",
    "squeue_errors.unknown_state": BLANK,
    "squeue_errors.unknown_user": BLANK,
    "squeue_errors.bad_interval": BLANK,
    "squeue_errors.interval_of_0": BLANK,
    "srun_errors.no_allocation_without_nodes": "--no-allocate is not supported",
    "srun_errors.command_not_found": PREFIX,
    "srun_errors.command_not_executable": PREFIX,
}
# May come out either way, by moments.
CHANCE = {name for name, reason in KNOWN.items() if reason in (TOGETHER, LATE)}


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
    gone = [n for n in KNOWN if n in ran and n not in failed and n not in CHANCE]
    for name, text in new.items():
        print(f"DIFFERS {name}\n{text}\n")
    for name in gone:
        print(f"no longer differs, take it off the list: {name}")
    print(f"{len(ran)} cases, {len(failed)} differ: {len(failed) - len(new)} known, {len(new)} new")
    sys.exit(1 if new or gone or not ran else 0)


if __name__ == "__main__":
    main()
