#!/usr/bin/env python3
"""Another user can do nothing to my jobs, and nobody becomes somebody else. Needs root: it acts as
two ordinary users.

Beside the commands it speaks the wire format itself: a request sent through the socket of a compute
node's agent counts only for users who have a job there, and never as an administrator's.
"""
import os
import socket
import stat
import struct
import sys

import harness
from harness import Cluster, check, wait_for

ALICE, BOB = 2, 65534  # bin and nobody: every Debian has them
SECRET = "the-secret-of-alice"
cluster: Cluster
job: int
job_pid: int


def refused(done, *words):
    """The command failed, and said that it is a matter of rights."""
    check(done.returncode != 0, f"{done.args} was allowed: {done.stdout}{done.stderr}")
    said = done.stdout + done.stderr
    check(SECRET not in said, f"{done.args} gave the secret away")
    if words:
        check(any(word in said for word in words), f"{done.args} says {said!r}")


DENIED = ("Access/permission denied", "Invalid user id", "not permitted", "Permission denied")


def unreadable(done):
    """`scontrol write` says that it can't, and exits with 0 as Slurm's does."""
    check(SECRET not in done.stdout and "job script retrieval failed" in done.stderr, str(done))


def as_bob(*words, **options):
    return cluster.run(*words, user=BOB, **options)


def still_mine():
    check(cluster.state(job) == "RUNNING", f"alice's job is {cluster.state(job)}")


def cancelling_and_signalling():
    for words in (
        ("scancel", job),
        ("scancel", "-s", "USR1", job),
        ("scancel", "-b", "-s", "KILL", job),
        ("scancel", "-f", job),
        ("scancel", f"{job}.0"),
        ("scancel", f"{job}.batch"),
    ):
        refused(as_bob(*words), *DENIED)
        still_mine()
    as_bob("scancel", f"--user={ALICE}")
    as_bob("scancel", "--partition=batch")
    still_mine()


def holding_and_updating():
    pending = cluster.submit("--begin=now+1day", user=ALICE)
    for words in (
        ("hold", pending),
        ("release", pending),
        ("requeue", job),
        ("suspend", job),
        ("resume", job),
        ("update", f"jobid={pending}", "nice=100"),
        ("update", f"jobid={pending}", "jobname=bob"),
        ("uhold", pending),
        ("top", pending),
        ("requeuehold", job),
        ("notify", job, "hello"),
    ):
        refused(as_bob("scontrol", *words))
        still_mine()
    out = cluster.must("squeue", "-h", "-j", pending, "-o", "%j %y %r").split()
    check(out[0] == "wrap", f"the name of alice's job is {out[0]}")
    check(cluster.run("scancel", pending, user=ALICE).returncode == 0, "alice can't cancel her own")


def script_and_environment():
    unreadable(as_bob("scontrol", "write", "batch_script", job, "-"))
    for words in (
        ("scontrol", "show", "job", job),
        ("scontrol", "-dd", "show", "job", job),
        ("squeue", "-j", job, "-O", "all"),
        ("squeue", "-j", job, "--json"),
        ("sacct", "-j", job, "-B"),
        ("sacct", "-j", job, "--env-vars"),
    ):
        done = as_bob(*words)
        check(SECRET not in done.stdout + done.stderr, f"{words} gives the secret away")
    mine = cluster.run("scontrol", "write", "batch_script", job, "-", user=ALICE)
    check(SECRET in mine.stdout, f"alice can't read her own script: {mine}")


def attaching_and_stepping():
    refused(as_bob("srun", f"--jobid={job}", "--overlap", "--mem=1M", "id"))
    refused(as_bob("srun", f"--jobid={job}", "-n1", "true"))
    still_mine()
    environment = {
        "SLURM_JOB_ID": str(job),
        "SLURM_JOBID": str(job),
        "SLURM_NNODES": "1",
        "SLUICE_AGENT_SOCKET": str(cluster.dir / "nodes" / "n1" / "agent.sock"),
    }
    refused(as_bob("srun", "--overlap", "--mem=1M", "id", env=environment))
    still_mine()


def jobs_run_as_their_user():
    for user in (ALICE, BOB):
        done = cluster.run("srun", "--mem=5M", "id", user=user)
        check(f"uid={user}" in done.stdout and f"gid={user}" in done.stdout, str(done))
    done = as_bob("sbatch", "--uid=0", "--mem=5M", "--wrap", "id")
    check(done.returncode != 0, "a user may submit for root")
    done = as_bob(
        "sbatch",
        "--parsable",
        "--mem=5M",
        "-o",
        str(cluster.work / "claimed"),
        "--wrap",
        "id -u",
        env={"SLURM_JOB_UID": "0", "USER": "root", "LOGNAME": "root"},
    )
    check(done.returncode == 0, done.stderr)
    claimed = int(done.stdout)
    cluster.wait_end(claimed)
    check((cluster.work / "claimed").read_text().strip() == str(BOB), "a claim had an effect")
    check(
        cluster.must("squeue", "-h", "-t", "all", "-j", claimed, "-o", "%U").strip()
        in (str(BOB), ""),
        "the record names another user",
    )


def output_files_are_opened_as_the_user():
    """A path that only root could write is not written for an ordinary user."""
    target = cluster.work / "roots"
    target.write_text("untouched\n")
    target.chmod(0o600)
    link = cluster.work / "link"
    link.symlink_to(target)
    for path in (target, link):
        done = as_bob("sbatch", "--parsable", "--mem=5M", "-o", path, "--wrap", "echo overwritten")
        check(done.returncode == 0, done.stderr)
        cluster.wait_end(int(done.stdout))
    check(target.read_text() == "untouched\n", "a job wrote root's file")
    done = as_bob("srun", "--mem=5M", "-i", "/etc/shadow", "cat")
    check(done.returncode != 0 and "root:" not in done.stdout, "srun -i read root's file")


def administration():
    for words in (
        ("update", "nodename=n1", "state=drain", "reason=bob"),
        ("update", "partition=batch", "state=down"),
        ("reconfigure",),
        ("shutdown",),
        ("create", "partition=mine"),
        ("takeover",),
        ("update", "nodename=n1", "weight=9"),
    ):
        refused(as_bob("scontrol", *words))
        refused(cluster.run("scontrol", *words, user=ALICE))
    check(
        set(cluster.must("sinfo", "-h", "-N", "-o", "%T").split())
        <= {"mixed", "idle", "allocated"},
        "a user changed a node's state",
    )
    check(as_bob("sinfo").returncode == 0, "users can't read")
    refused(as_bob("sluice", "token", "--name", "evil"))


def from_inside_a_job():
    """Root of a compute node is nobody elsewhere; a user without a job there is refused."""
    wait_for(lambda: not cluster.must("squeue", "-h", "-u", str(BOB)), 20, "the end of bob's jobs")
    through = {
        "SLUICE_AGENT_SOCKET": str(cluster.dir / "nodes" / "n1" / "agent.sock"),
        "SLUICE_CONF": "",
    }
    for user in (None, BOB):
        unreadable(
            cluster.run("scontrol", "write", "batch_script", job, "-", env=through, user=user)
        )
    for words in (
        ("scontrol", "update", "nodename=n2", "state=drain", "reason=stolen"),
        ("scontrol", "reconfigure"),
        ("scancel", job),
        ("sbatch", "--mem=5M", "--wrap", "true"),
    ):
        for user in (None, BOB):
            try:
                refused(cluster.run(*words, env=through, user=user))
            except harness.Failure as failure:
                raise harness.Failure(f"user {user}: {failure}") from failure
            still_mine()
    ok = cluster.run(
        "sbatch",
        "--parsable",
        "--mem=5M",
        "-o",
        "/dev/null",
        "--wrap",
        "true",
        env=through,
        user=ALICE,
    )
    check(ok.returncode == 0, f"alice has a job on n1 and is refused: {ok.stderr}")


def states_on_disk():
    """No secret of the daemons or of another's job is readable."""
    for path in cluster.dir.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            continue
        check(not mode & stat.S_IWOTH or stat.S_ISSOCK(mode), f"{path} is writable for all")
        secret = path.name.endswith(".key") or "sluice.db" in path.name or path.name == "ledger"
        check(not (secret and mode & 0o077), f"{path} has mode {mode & 0o777:o}")
    done = as_bob("grep", "-r", "-l", "-a", SECRET, str(cluster.dir))
    check(not done.stdout, f"bob reads the secret in {done.stdout}")
    check(as_bob("cat", f"/proc/{job_pid}/environ").stdout == "", "environment in /proc")


def supervisor_sockets():
    """The socket of a supervisor talks to its agent alone."""
    paths = [p for p in (cluster.dir / "nodes").rglob("*.sock") if p.name != "agent.sock"]
    for path in paths:
        with socket.socket(socket.AF_UNIX) as mine:
            pid = os.fork()
            if pid == 0:
                os.setgroups([])
                os.setgid(BOB)
                os.setuid(BOB)
                try:
                    mine.connect(str(path))
                    mine.send(struct.pack("<IHQ", 10, 1, 1))
                    os._exit(1 if mine.recv(1) else 0)
                except OSError:
                    os._exit(0)
            check(os.waitpid(pid, 0)[1] == 0, f"{path} answers another user")
    still_mine()


def main():
    global cluster, job, job_pid
    if os.geteuid() != 0:
        print("skipped: needs root to act as two users")
        sys.exit(0)
    with Cluster(nodes=2, cpus=4, memory="1G") as cluster:
        cluster.work.chmod(0o1777)
        pid_file = cluster.work / "pid"
        script = f"#!/bin/sh\necho $$ >{pid_file}\nsrun --mem=10M sleep 900 # {SECRET}\n"
        job = int(
            cluster.must(
                "sbatch",
                "--parsable",
                "--mem=50M",
                "-w",
                "n1",
                "-o",
                "/dev/null",
                stdin=script,
                user=ALICE,
                env={"SECRET": SECRET},
            )
        )
        wait_for(lambda: pid_file.exists() and pid_file.read_text(), 30, "the start of alice's job")
        wait_for(lambda: "sleep" in cluster.must("squeue", "-s", "-h", "-o", "%j"), 30, "her step")
        job_pid = int(pid_file.read_text())
        harness.main(
            cancelling_and_signalling,
            holding_and_updating,
            script_and_environment,
            attaching_and_stepping,
            jobs_run_as_their_user,
            output_files_are_opened_as_the_user,
            administration,
            from_inside_a_job,
            states_on_disk,
            supervisor_sockets,
        )


if __name__ == "__main__":
    main()
