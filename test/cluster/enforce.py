#!/usr/bin/env python3
"""The levels of AccountingStorageEnforce on real daemons: what each refuses or holds, and what it
leaves alone. Needs root.
"""
import os

import harness
from harness import check, wait_for

KNOWN, STRANGER = "daemon", "bin"
CONFIG = """\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
accounting_storage_enforce: {levels}
nodes:
  - {{node_name: n1, node_addr: 127.0.0.1, cpus: 8, real_memory: 1000, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes}}
"""
NO_ACCOUNT = "Invalid account or account/partition combination specified"
NO_QOS = "Invalid qos specification"
NO_WCKEY = "Invalid wckey specification"
RUNS = "RUNNING"

# What is tried: a user without an association; a QOS that isn't allowed; a key that isn't the
# user's; a job that the account's MaxJobs=0 keeps; one that may not end within GrpTRESMins.
EXPECTED = {
    "associations": (NO_ACCOUNT, RUNS, RUNS, RUNS, RUNS),
    "limits": (NO_ACCOUNT, RUNS, RUNS, "AssocMaxJobsLimit", RUNS),
    "qos": (NO_ACCOUNT, NO_QOS, RUNS, RUNS, RUNS),
    "wckeys": (NO_ACCOUNT, RUNS, NO_WCKEY, RUNS, RUNS),
    "safe": (NO_ACCOUNT, RUNS, RUNS, "AssocMaxJobsLimit", "AssocGrpCPUMinutesLimit"),
    "all": (NO_ACCOUNT, NO_QOS, NO_WCKEY, "AssocMaxJobsLimit", "AssocGrpCPUMinutesLimit"),
}


class Level:
    def __init__(self, cluster):
        self.cluster = cluster
        for words in (
            ("add", "qos", "other"),
            ("add", "account", "physics,closed"),
            ("add", "account", "small"),
            ("add", "user", KNOWN, "account=physics", "defaultwckey=mine"),
            ("add", "user", KNOWN, "account=closed,small"),
            ("modify", "account", "closed", "set", "maxjobs=0"),
            ("modify", "account", "small", "set", "grptresmins=cpu=10"),
        ):
            cluster.must("sacctmgr", "-i", *words)

    def outcome(self, *words, user=KNOWN):
        """Why it is refused or waits, or that it runs."""
        words = ("sbatch", "--parsable", "-D/", "-o/dev/null", "-t20", *words)
        done = self.cluster.run(*words, "--wrap", "exec sleep 600", user=user)
        if done.returncode != 0:
            return done.stderr.strip().rsplit(": ", 1)[-1]
        job = done.stdout.strip()

        def settled():
            shown = self.cluster.must("squeue", "-h", "-j", job, "-o", "%T %r").split(" ", 1)
            if shown[0] == RUNS:
                return RUNS
            return None if shown[1].strip() in ("None", "Priority") else shown[1].strip()

        told = wait_for(settled, 20, f"job {job} runs, or waits with a reason")
        self.cluster.must("scancel", job)
        return told


def outcomes(levels):
    with harness.Cluster(config=CONFIG.format(levels=levels)) as cluster:
        level = Level(cluster)
        return (
            level.outcome(user=STRANGER),
            level.outcome("--qos=other"),
            level.outcome("--wckey=mine2"),
            level.outcome("-Aclosed"),
            level.outcome("-Asmall"),
        )


def each_level_enforces_its_own():
    for levels, expected in EXPECTED.items():
        told = outcomes(levels)
        check(told == expected, f"{levels}: {told}, not {expected}")


def without_any_nothing_is_enforced():
    text = CONFIG.format(levels="none").replace("accounting_storage_enforce: none\n", "")
    with harness.Cluster(config=text) as cluster:
        level = Level(cluster)
        for words in ((), ("--qos=other",), ("--wckey=mine2",), ("-Aclosed",), ("-Asmall",)):
            told = level.outcome(*words, user=STRANGER if not words else KNOWN)
            check(told == RUNS, f"{words}: {told}")


def unknown_levels_are_refused():
    """Not to account for jobs or steps isn't possible; that is said when the controller starts."""
    for level in ("nojobs", "nosteps", "everything"):
        told = ""
        try:
            with harness.Cluster(config=CONFIG.format(levels=level)):
                pass
        except harness.Failure as failure:
            told = str(failure)
        check(level in told, f"{level}: {told}")


def main():
    if os.geteuid() != 0:
        raise SystemExit(77)
    harness.main(
        each_level_enforces_its_own, without_any_nothing_is_enforced, unknown_levels_are_refused
    )


if __name__ == "__main__":
    main()
