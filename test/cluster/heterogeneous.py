#!/usr/bin/env python3
"""Heterogeneous jobs on real daemons: components that start together, what their scripts and tasks
see, steps and MPI over several components, what may be done to parts and to the whole, accounting.
"""
import json
import re
import shutil
import subprocess

import harness
from harness import Cluster, check, wait_for

RING = harness.ROOT / "scripts" / "demo-jobs" / "ring.c"
cluster: Cluster


def squeue(job, fmt="%i %t"):
    return cluster.must("squeue", "-h", "-t", "all", "-S", "i", "-j", job, "-o", fmt).splitlines()


def script(text):
    path = cluster.work / "whole.sh"
    path.write_text("#!/bin/bash\n" + text)
    return path


def output_of(job):
    return (cluster.work / f"out-{job}").read_text()


def run_script(text, *options):
    """Submits the script, waits for the whole; its id and output."""
    job = int(
        cluster.must("sbatch", "--parsable", "-o", "out-%j", *options, script(text)).split(";")[0]
    )
    cluster.wait_end(job)
    return job, output_of(job)


def environment_and_steps():
    job, out = run_script(
        """#SBATCH -n1 -c2 -J pair -t 5 --mem=30M
#SBATCH hetjob
#SBATCH -n2 -t 3 --mem=20M
env | grep -E '^SLURM_(HET|JOB_ID|.*_HET_GROUP)' | sort
echo "own $SLURM_JOB_NODELIST $SLURM_NTASKS"
srun -l sh -c 'echo first $SLURM_NTASKS $SLURM_JOB_ID'
srun -l --het-group=0,1 sh -c 'echo all $SLURM_PROCID $SLURM_NTASKS $SLURM_NODEID \
$SLURM_STEP_NODELIST $SLURM_STEP_TASKS_PER_NODE $SLURM_JOB_NODELIST $SLURM_JOB_ID'
srun -l echo a : echo b
srun -l --het-group=1 sh -c 'echo second $SLURM_NTASKS $SLURM_JOB_NODELIST; exit 3'
echo "code $?"
srun --het-group=2 true
echo "code $?"
srun --het-group=0 true : --het-group=0 true
echo "code $?"
"""
    )
    lines = out.splitlines()
    for line in (
        "SLURM_HET_SIZE=2",
        f"SLURM_JOB_ID={job}",
        f"SLURM_JOB_ID_HET_GROUP_0={job}",
        f"SLURM_JOB_ID_HET_GROUP_1={job + 1}",
        "SLURM_JOB_NODELIST_HET_GROUP_0=n1",
        "SLURM_JOB_NODELIST_HET_GROUP_1=n2",
        "SLURM_CPUS_PER_TASK_HET_GROUP_0=2",
        "SLURM_NTASKS_HET_GROUP_1=2",
        "SLURM_TASKS_PER_NODE_HET_GROUP_1=2",
        "SLURM_JOB_NAME_HET_GROUP_1=pair",
        "own n1 1",
        f"0: first 1 {job}",
        f"0: all 0 3 0 n[1-2] 1,2 n[1-2] {job}",
        f"1: all 1 3 1 n[1-2] 1,2 n[1-2] {job}",
        f"2: all 2 3 1 n[1-2] 1,2 n[1-2] {job}",
        "0: a",
        "1: b",
        "2: b",
        "0: second 2 n2",
        "1: second 2 n2",
        "srun: error: n2: tasks 0-1: Exited with exit code 3",
        "code 3",
        "srun: error: Requested het-group offset exceeds highest hetjob index (2 > 1)",
        "srun: fatal: Duplicate het groups in single srun not supported",
    ):
        check(line in lines, f"no line {line!r} in:\n{out}")
    check("SLURM_CPUS_PER_TASK_HET_GROUP_1" not in out, "a variable of what wasn't asked")
    rows = cluster.must(
        "sacct", "-n", "-P", "-j", job, "-o", "jobid,jobidraw,state,exitcode,ntasks,nodelist"
    ).splitlines()
    for row in (
        f"{job}+0|{job}|COMPLETED|0:0||n1",
        f"{job}+0.batch|{job}.batch|COMPLETED|0:0|1|n1",
        f"{job}+0.0|{job}.0|COMPLETED|0:0|1|n1",
        f"{job}+0.1|{job}.1|COMPLETED|0:0|1|n1",
        f"{job}+1|{job + 1}|COMPLETED|0:0||n2",
        f"{job}+1.1|{job + 1}.1|COMPLETED|0:0|2|n2",
        f"{job}+1.3|{job + 1}.3|FAILED|3:0|2|n2",
    ):
        check(row in rows, f"no row {row} in {rows}")


def what_is_shown():
    job = cluster.submit("-H", "-n1", "-t5", ":", "-n2", "-c2", "-t3")
    check(squeue(job) == [f"{job}+0 PD", f"{job}+1 PD"], squeue(job))
    check(squeue(job + 1) == [f"{job}+1 PD"], "squeue of one component")
    shown = cluster.must("scontrol", "show", "job", job)
    check(f"JobId={job + 1} HetJobId={job} HetJobOffset=1 JobName=wrap" in shown, shown)
    check(shown.count(f"   HetJobIdSet={job}-{job + 1}\n") == 2, shown)
    one = cluster.must("scontrol", "show", "job", f"{job}+1")
    check(one.count("JobName=") == 1 and one.startswith(f"JobId={job + 1} "), one)
    fields = cluster.must(
        "squeue", "-h", "-j", job + 1, "-O", "jobid:9,hetjobid:9,hetjobidset:9,hetjoboffset:9"
    ).split()
    check(fields == [str(job + 1), str(job), f"{job}-{job + 1}", "1"], fields)
    document = json.loads(cluster.must("squeue", "--json", "-j", job))
    found = {one["job_id"]: one for one in document["jobs"]}
    check(found[job + 1]["het_job_offset"]["number"] == 1, "JSON offset")
    check(found[job + 1]["het_job_id"]["number"] == job, "JSON leader")
    check(found[job + 1]["het_job_id_set"] == f"{job}-{job + 1}", "JSON set")
    cluster.must("scancel", job)


def the_whole_and_its_parts():
    job = cluster.submit("-H", "-n1", ":", "-n1", wrap="sleep 600")
    for name in (f"{job}+1", job + 1):
        done = cluster.run("scancel", name)
        check(done.returncode == 60, f"scancel {name} exits {done.returncode}")
        check("Operation not permitted on individual component" in done.stderr, done.stderr)
    cluster.must("scontrol", "release", f"{job}+1")
    check(squeue(job, "%r") == ["JobHeldUser", "None"], squeue(job, "%r"))
    cluster.must("scontrol", "update", f"jobid={job}", "timelimit=7", "jobname=both")
    cluster.must("scontrol", "update", f"jobid={job}+1", "timelimit=6")
    check(squeue(job, "%j %l") == ["both 7:00", "both 6:00"], squeue(job, "%j %l"))
    cluster.must("scontrol", "release", job)
    cluster.wait_state(job, "RUNNING")
    check(squeue(job, "%t %N") == ["R n1", "R n2"], squeue(job, "%t %N"))
    done = cluster.run("scontrol", "suspend", job + 1)
    check("Operation not permitted on individual component" in done.stderr + done.stdout, done)
    done = cluster.run("scontrol", "requeue", job + 1)
    check("Job not heterogeneous job leader" in done.stderr + done.stdout, done)
    cluster.must("scontrol", "suspend", job)
    check(squeue(job, "%t") == ["S", "S"], "suspended together")
    cluster.must("scontrol", "resume", job)
    cluster.must("scontrol", "requeue", job)
    wait_for(
        lambda: squeue(job, "%t") == ["R", "R"]
        and "Restarts=1" in cluster.must("scontrol", "show", "job", job + 1),
        60,
        "both run again",
    )
    cluster.must("scancel", f"{job}+1")
    cluster.wait_end(job + 1)
    check(cluster.state(job) == "RUNNING", "the leader ended with its component")
    cluster.must("scancel", job)
    cluster.wait_end(job)


def nobody_starts_before_all_can():
    holder = cluster.submit("-w", "n2", "--exclusive", "-t", "10", wrap="sleep 600")
    cluster.wait_state(holder, "RUNNING")
    job = cluster.submit("-n1", "-t2", ":", "-n1", "-t3", wrap="true")
    wait_for(lambda: squeue(job, "%r") == ["Resources", "Resources"], 20, "the reason")
    starts = set(squeue(job, "%S"))
    check(len(starts) == 1 and "N/A" not in starts, f"planned starts {starts}")
    cluster.must("scancel", holder)
    cluster.wait_end(job, job + 1)
    check(cluster.state(job) == "COMPLETED" and cluster.state(job + 1) == "COMPLETED", "ends")


def refused():
    for words, text in (
        (["-a", "0-1", "-n1", ":", "-n1"], "Invalid job array specification"),
        (["-w", "n1", ":", "-w", "n1"], "Invalid node name specified"),
        (["-n1", ":", "-C", "nosuch"], "Invalid feature specification"),
        (["-n1", ":", "-p", "nosuch"], "invalid partition specified: nosuch"),
    ):
        before = cluster.must("squeue", "-h")
        done = cluster.run("sbatch", "--mem=20M", *words, "--wrap", "true")
        check(done.returncode == 1 and text in done.stderr, f"{words}: {done}")
        check(cluster.must("squeue", "-h") == before, f"{words} left a job")
    done = cluster.run("sbatch", "--test-only", "-n1", "--mem=20M", ":", "-n2", "--wrap", "true")
    check(done.returncode == 0 and re.search(r"n\[?1", done.stderr), done)


def allocation():
    done = cluster.run(
        "salloc",
        "-n1",
        "--mem=20M",
        ":",
        "-n2",
        "sh",
        "-c",
        "env | grep ^SLURM | sort; srun -l --het-group=1 printenv SLURM_JOB_NODELIST; "
        "srun hostname",
    )
    job = int(re.search(r"Granted job allocation (\d+)", done.stderr).group(1))
    lines = done.stdout.splitlines()
    for line in (
        "SLURM_HET_SIZE=2",
        f"SLURM_JOB_ID={job}",
        f"SLURM_JOB_ID_HET_GROUP_1={job + 1}",
        "SLURM_NTASKS=3",
        "SLURM_NNODES_HET_GROUP_1=1",
        "0: n2",
        "1: n2",
    ):
        check(line in lines, f"no line {line!r} in {done.stdout}{done.stderr}")
    check("SLURM_JOB_NODELIST=" not in done.stdout, "a list of nodes of the whole")
    cluster.wait_end(job, job + 1)


def srun_makes_the_whole():
    done = cluster.run(
        "srun",
        "-l",
        "--mem=20M",
        "-n1",
        "sh",
        "-c",
        "echo one $SLURM_NTASKS $SLURM_HET_SIZE",
        ":",
        "-n2",
        "sh",
        "-c",
        "echo two $SLURM_PROCID $SLURMD_NODENAME; exit 4",
    )
    check(done.returncode == 4, f"{done}")
    check(
        sorted(done.stdout.splitlines()) == ["0: one 3 2", "1: two 1 n2", "2: two 2 n2"],
        done.stdout,
    )
    check("srun: error: n2: tasks 1-2: Exited with exit code 4" in done.stderr, done.stderr)
    done = cluster.run("srun", "-l", "--mem=20M", "-n1", ":", "-n2", "echo", "same")
    check(sorted(done.stdout.splitlines()) == [f"{i}: same" for i in range(3)], f"{done}")


def mpi_over_components():
    """One MPI_COMM_WORLD: MPICH by pmi2, Open MPI by pmix."""
    for compiler, kind in (("mpicc.mpich", "pmi2"), ("mpicc.openmpi", "pmix")):
        if shutil.which(compiler) is None:
            continue
        ring = cluster.work / f"ring.{kind}"
        subprocess.run([compiler, "-O1", "-o", ring, RING], check=True, timeout=60)
        for words in (
            ["-n1", "--mem=300M", ":", "-n2", "--mem=300M", ring],
            ["-n1", "--mem=300M", ring, ":", "-n2", "--mem=300M", ring],
        ):
            done = cluster.run("srun", f"--mpi={kind}", *words)
            seen = sorted(re.findall(r"rank (\d+) of (\d+) on (\S+): sum (\d+)", done.stdout))
            check(done.returncode == 0, f"{kind}: {done.stdout[-500:]}{done.stderr[-1500:]}")
            check(
                [rank for rank, *_ in seen] == ["0", "1", "2"]
                and {(size, total) for _, size, _, total in seen} == {("3", "6")},
                f"{kind}: {seen}",
            )


def a_lost_node_requeues_all():
    job = cluster.submit("-n1", ":", "-n1", wrap="sleep 600")
    cluster.wait_state(job, "RUNNING")
    cluster.must("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    wait_for(lambda: squeue(job, "%t") == ["PD", "PD"], 60, "both wait again")
    cluster.must("scontrol", "update", "nodename=n2", "state=resume")
    wait_for(lambda: squeue(job, "%t") == ["R", "R"], 60, "both run again")
    cluster.must("scancel", job)
    cluster.wait_end(job, job + 1)


def a_restarted_controller_and_agents():
    job = cluster.submit("-n1", ":", "-n1", "-o", "out-%j", wrap="sleep 600")
    cluster.wait_state(job, "RUNNING")
    for daemon in ("controller", "n1", "n2"):
        cluster.kill(daemon)
    cluster.up()
    wait_for(lambda: squeue(job, "%t") == ["R", "R"], 60, "both run on")
    done = cluster.run("srun", f"--jobid={job}", "--overlap", "-l", "--het-group=0,1", "echo", "on")
    check(sorted(done.stdout.splitlines()) == ["0: on", "1: on"], f"{done}")
    cluster.must("scancel", job)
    cluster.wait_end(job, job + 1)


def accounting_of_parts():
    job, _ = run_script("#SBATCH --mem=20M\n#SBATCH hetjob\nexit 3\n")

    def rows(*words):
        return cluster.must("sacct", "-n", "-X", "-P", "-o", "jobid,state", *words).split()

    both = [f"{job}+0|FAILED", f"{job}+1|FAILED"]
    check(rows("-j", job) == both, rows("-j", job))
    check(rows("-j", job + 1) == both[1:], "one component by its id")
    check(rows("-j", f"{job}+1") == both[1:], "one component by its place")
    check(rows("-j", job + 1, "--whole-hetjob") == both, "the whole by a component")
    check(rows("-j", job, "--whole-hetjob=no") == both[:1], "the leader alone")


def main():
    global cluster
    with Cluster(nodes=2, cpus=4, memory="2G") as cluster:
        harness.main(
            environment_and_steps,
            what_is_shown,
            the_whole_and_its_parts,
            nobody_starts_before_all_can,
            refused,
            allocation,
            srun_makes_the_whole,
            mpi_over_components,
            a_lost_node_requeues_all,
            a_restarted_controller_and_agents,
            accounting_of_parts,
        )


if __name__ == "__main__":
    main()
