#!/usr/bin/env python3
"""kill -9 of node daemons, of step supervisors, and of controller and node together, while jobs and
steps run.

A running job survives the death of a daemon and ends with its own exit code; srun prints each line
once. A killed supervisor ends its step with a clear state and leaves no process. After all rounds
nothing is left: processes, control groups, spool folders, mounts, sockets.

Usage: node_kill.py [--rounds N] [--seed S]
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import time

import harness
from harness import Cluster, check, wait_for

NODES = ("n1", "n2", "n3")


class Round:
    """Jobs that wait at fifos, each with its own exit code; and a srun that prints numbers."""

    def __init__(self, cluster, number, chance):
        self.cluster = cluster
        self.dir = cluster.work / f"round{number}"
        self.dir.mkdir()
        self.chance = chance
        self.gates = []
        self.expected = {}  # job -> (state, exit code)

    def gate(self):
        path = self.dir / f"gate{len(self.gates)}"
        os.mkfifo(path)
        self.gates.append(path)
        return path

    def up(self, mark):
        return f"echo >>{self.dir}/up.{mark}; "

    def begin(self):
        code = self.chance.randrange(1, 120)
        self.batch = self.cluster.submit(
            wrap=self.up("batch") + f"read x <{self.gate()}; exit {code}"
        )
        self.expected[self.batch] = ("FAILED", f"{code}:0")
        first, second = self.gate(), self.gate()
        script = self.dir / "task.sh"
        script.write_text(
            f"[ $SLURM_PROCID = 0 ] && g={first} || g={second}\n"
            f"echo >>{self.dir}/up.task$SLURM_PROCID\nread x <$g\n"
            "exit $((10 + SLURM_PROCID))\n"
        )
        self.steps = self.cluster.submit("-N2", "-n2", wrap=f"srun --mem=5M sh {script}")
        self.expected[self.steps] = ("FAILED", "11:0")
        numbers = self.dir / "numbers.sh"
        numbers.write_text(
            f"echo >>{self.dir}/up.srun\nfor i in $(seq 300); do echo $i; done\n"
            f"read x <{self.gate()}\nfor i in $(seq 301 600); do echo $i; done\n"
            "exit 42\n"
        )
        self.srun = subprocess.Popen(
            ["srun", "--mem=5M", "sh", str(numbers)],
            text=True,
            env=self.cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for mark in ("batch", "task0", "task1", "srun"):
            wait_for(
                (self.dir / f"up.{mark}").exists, 30, f"the start of {mark} in {self.dir.name}"
            )

    def open_gates(self):
        for path in self.gates:
            # Whoever waited here may have been killed: then nobody reads, and that is no error.
            try:
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "w") as fifo:
                    fifo.write("go\n")
            except OSError:
                pass

    def wait_end(self, job):
        """Opens the gates again and again: a job may not have come to its gate yet."""

        def has_ended():
            self.open_gates()
            return self.row(job)[0].split(" ")[0] not in ("PENDING", "RUNNING", "COMPLETING")

        wait_for(has_ended, 60, f"the end of job {job}")

    def end_all_well(self):
        for job, expected in self.expected.items():
            self.wait_end(job)
            seen = tuple(self.row(job))
            check(seen == expected, f"job {job} ended as {seen}, not {expected}")
        out, err = self.srun.communicate(timeout=60)
        check(self.srun.returncode == 42, f"srun exited with {self.srun.returncode}: {err}")
        check(
            out.split() == [str(i) for i in range(1, 601)],
            f"srun printed {len(out.split())} lines: {out[:60]!r}...: {err}",
        )

    def row(self, job):
        out = self.cluster.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "state,exitcode")
        return out.split("\n")[0].strip().split("|")

    def end_somehow(self, broken):
        """One of the jobs lost a supervisor; the others must not have noticed."""
        for job, expected in self.expected.items():
            self.wait_end(job)
            state, code = self.row(job)
            if job == broken:
                check(
                    state.split(" ")[0] in ("FAILED", "NODE_FAIL", "CANCELLED"),
                    f"job {job} lost its supervisor and is {state} {code}",
                )
            else:
                check((state, code) == expected, f"job {job} ended as {state} {code}")
        self.srun.communicate(timeout=90)


def kill_node(cluster, now, chance):
    cluster.kill(chance.choice(NODES))
    if chance.random() < 0.5:
        now.open_gates()  # jobs end while their daemon is away
    cluster.up()
    now.end_all_well()


def kill_both(cluster, now, chance):
    for daemon in chance.sample(["controller", chance.choice(NODES)], 2):
        cluster.kill(daemon)
    if chance.random() < 0.5:
        now.open_gates()
    cluster.up()
    now.end_all_well()


def kill_all_nodes(cluster, now, _chance):
    for daemon in NODES:
        cluster.kill(daemon)
    cluster.up()
    now.end_all_well()


def job_of(stepd):
    """The job that a supervisor serves, by the environment of one of its children."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) != stepd:
                continue
            for word in (entry / "environ").read_bytes().split(b"\0"):
                if word.startswith(b"SLURM_JOB_ID="):
                    return int(word[13:])
        except (OSError, IndexError, ValueError):
            continue
    return None


def kill_stepd(cluster, now, chance):
    stepd = chance.choice(cluster.stepds())
    broken = job_of(stepd)
    os.kill(stepd, 9)
    now.end_somehow(broken)


def control_groups(cluster):
    """Groups of jobs of this cluster's nodes that still exist."""
    left = []
    for name in cluster.groups:
        for controller in pathlib.Path("/sys/fs/cgroup").iterdir():
            left += (controller / "sluice" / name).glob("job_*")
    return left


def spool_folders(cluster):
    kept = ("lock", "ledger")
    return [
        str(p)
        for node in NODES
        for p in (cluster.dir / "nodes" / node / "spool").rglob("*")
        if p.name not in kept and not p.is_dir()
    ]


def sockets_and_mounts(cluster):
    mine = str(cluster.dir)
    known = {
        f"{mine}/controller/controller.sock",
        f"{mine}/login/agent.sock",
        *(f"{mine}/nodes/{n}/agent.sock" for n in NODES),
    }
    left = {line.split()[-1] for line in open("/proc/net/unix", encoding="utf-8") if mine in line}
    mounts = [line for line in open("/proc/self/mounts", encoding="utf-8") if mine in line]
    return sorted(left - known) + mounts


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def leftovers(cluster):
    """All but each daemon's one nursery, from which it forks supervisors: its own child."""
    daemons = {cluster.pid(name) for name in ("controller", "login", *NODES)}
    left = [
        line
        for pid, line in cluster.leftovers()
        if not ("--nursery" in line and parent(pid) in daemons)
    ]
    count = sum(1 for _, line in cluster.leftovers() if "--nursery" in line)
    return left + ([f"{count} nurseries"] if count > len(NODES) else [])


def nothing_left(cluster):
    for what, look in (
        ("processes", lambda: leftovers(cluster)),
        ("groups", lambda: control_groups(cluster)),
        ("spool files", lambda: spool_folders(cluster)),
        ("sockets and mounts", lambda: sockets_and_mounts(cluster)),
    ):
        try:
            wait_for(lambda look=look: not look(), 30, f"no {what} left")
        except harness.Failure as failure:
            raise harness.Failure(f"{failure}: {look()[:8]}") from failure
    states = set(cluster.must("sinfo", "-h", "-N", "-o", "%T").split())
    check(states == {"idle"}, f"nodes are {states}")


def remember_groups(cluster):
    """The names of the nodes' groups, from inside a step on each."""
    out = cluster.must("srun", "--mem=5M", "-N3", "cat", "/proc/self/cgroup")
    cluster.groups = {
        line.split("/sluice/")[1].split("/")[0] for line in out.splitlines() if "/sluice/" in line
    }


def test(rounds, seed):
    print(f"seed {seed}, {rounds} rounds", flush=True)
    chance = random.Random(seed)
    kinds = (kill_node, kill_stepd, kill_both, kill_all_nodes, kill_stepd)
    with Cluster(nodes=3, cpus=4, memory="1G") as cluster:
        remember_groups(cluster)
        for number in range(rounds):
            kind = kinds[number % len(kinds)] if number < len(kinds) else chance.choice(kinds)
            now = Round(cluster, number, chance)
            now.begin()
            time.sleep(chance.uniform(0.0, 0.05))  # the random moment itself, waits for nothing
            begun = time.monotonic()
            try:
                kind(cluster, now, chance)
            except harness.Failure as failure:
                raise harness.Failure(f"round {number}, {kind.__name__}: {failure}") from failure
            print(f"round {number}: {kind.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
        nothing_left(cluster)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = options.parse_args()
    try:
        test(given.rounds, given.seed)
    except (harness.Failure, subprocess.TimeoutExpired) as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)
    print("ok")


if __name__ == "__main__":
    main()
