#!/usr/bin/env python3
"""`scontrol` and jobs on real daemons: words for people (notify), processes (listpids), and keys of
`update job` that change what a waiting job asks for.
"""
import subprocess

import harness
from harness import Cluster, check, wait_for

USER = "daemon"
cluster: Cluster

CONFIG = """cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
licenses: matlab:4
nodes:
  - node_name: n[1-2]
    node_addr: 127.0.0.1
    cpus: 4
    real_memory: 1024
    features: red
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
"""


def scontrol(*words, user=None):
    return cluster.run("scontrol", *words, user=user)


def words_for_a_batch_job():
    out = cluster.work / "batch.err"
    job = cluster.submit("-t5", "-e", out, wrap="touch $SLURM_JOB_ID; sleep 600")
    wait_for((cluster.work / str(job)).exists, 30, "the script runs")
    check(scontrol("notify", job, "hello", "out there").returncode == 0, "notify")
    wait_for(lambda: "error: hello out there\n" in out.read_text(), 20, "the words in its output")
    done = scontrol("notify", job, "boo", user=USER)
    check(done.stderr == "job notify failure: Access/permission denied\n", str(done))
    held = cluster.submit("-H")
    done = scontrol("notify", held, "x")
    check("Requested operation is presently disabled" in done.stderr, str(done))
    done = scontrol("notify", 4711, "x")
    check(done.returncode == 1 and "Invalid job id specified" in done.stderr, str(done))
    done = scontrol("notify", job)
    check(done.stderr == "too few arguments for keyword:notify\n", str(done))
    cluster.must("scancel", job, held)
    cluster.wait_end(job, held)


def words_for_a_terminal():
    for command in ("salloc", "srun"):
        go = cluster.work / f"go-{command}"
        told = subprocess.Popen(
            [
                command,
                "--mem=20M",
                "-J",
                command,
                "bash",
                "-c",
                f"while [ ! -e {go} ]; do sleep 0.1; done",
            ],
            env=cluster.environment,
            cwd=cluster.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

        def running(name=command):
            return cluster.must("squeue", "-h", "-n", name, "-t", "R", "-o", "%i").strip()

        job = wait_for(running, 30, f"{command} runs")
        check(scontrol("notify", job, "lunch is ready").returncode == 0, "notify")
        go.touch()
        said = told.communicate(timeout=60)[1]
        check(f"{command}: lunch is ready\n" in said, f"{command} said {said!r}")


def processes():
    job = cluster.submit("-t5", "-n2", wrap="srun -n2 --mem=5M sleep 600")
    wait_for(
        lambda: "batch" in scontrol("listpids", job, "n1").stdout,
        30,
        "the batch script's processes",
    )
    done = scontrol("listpids", job, "n1")
    lines = done.stdout.splitlines()
    check(lines[0] == "PID      JOBID    STEPID   LOCALID GLOBALID", lines[0])
    first = lines[1].split()
    check(first[1:] == [str(job), "batch", "0", "0"], f"the script: {first}")
    done = scontrol("listpids", job, "n2")
    check("There are no steps for job" in done.stderr and done.returncode == 1, str(done))
    other = scontrol("listpids", job, "n1", user=USER)
    check(other.returncode == 1 and str(job) not in other.stdout, str(other))
    check(str(job) not in scontrol("listpids", user=USER).stdout, "others are left out")
    check(str(job) in scontrol("listpids").stdout, "all steps of this host")
    cluster.must("scancel", job)
    cluster.wait_end(job)


def keys_of_update():
    job = cluster.submit("-H", "-n2", "-t60")

    def update(*words):
        return cluster.run("scontrol", "update", f"job={job}", *words)

    def shows(*parts):
        out = cluster.must("scontrol", "show", "job", job)
        for part in parts:
            check(part in out, f"{part} is not in {out}")

    for words, parts in (
        (("NumCPUs=3",), ("NumCPUs=3 ",)),
        (("NumTasks=4",), ("NumCPUs=4 NumTasks=4 ",)),
        (("TasksPerNode=2",), ("NumNodes=2", "NtasksPerN:B:S:C=2:0:*:*")),
        (("TimeMin=10",), ("TimeMin=00:10:00",)),
        (("TimeMin=0",), ("TimeMin=N/A",)),
        (("Prefer=red",), ("Prefer=red",)),
    ):
        done = update(*words)
        check(done.returncode == 0, f"{words}: {done.stderr}")
        shows(*parts)
    for words, text in (
        ("TimeMin=100", "Invalid time-min specification (exceeds job's time or other limits)"),
        ("TimeMin=x", "scontrol: error: Invalid TimeMin value"),
        ("Switches=x", "Invalid Switches value"),
        ("NumCPUs=2-4", "takes a number"),
        ("NumCPUs=x", 'Invalid numeric value "x" for NumCPUs.'),
        ("Prefer=nosuch", "Invalid preferred feature specification"),
        ("ResetAccrueTime=1", "Update of this parameter is not supported"),
    ):
        done = update(words)
        check(done.returncode == 1 and text in done.stderr, f"{words}: {done.stderr}")
    check(update("ResetAccrueTime").returncode == 0, "ResetAccrueTime")
    cluster.must("scontrol", "release", job)
    cluster.wait_state(job, "COMPLETED")
    nodes = cluster.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "nnodes,ncpus").strip()
    check(nodes == "2|4", f"what it ran on: {nodes}")


def licences_of_components():
    """All that the components ask for must be free together."""
    whole = ("-L", "matlab:2", "-n1", ":", "-L", "matlab:2", "-n1")
    done = cluster.run("sbatch", "-L", "matlab:3", ":", "-L", "matlab:2", "--wrap", "true")
    check("Invalid license specification" in done.stderr, done.stderr)
    busy = cluster.submit("-L", "matlab:1", "-t5", wrap="sleep 600")
    cluster.wait_state(busy, "RUNNING")
    out = cluster.must("sbatch", "--parsable", "-t5", "--mem=10M", *whole, "--wrap", "sleep 600")
    job = out.split(";")[0].strip()
    wait_for(
        lambda: "Licenses" in cluster.must("squeue", "-h", "-j", job, "-o", "%r"),
        20,
        "the whole waits for licences",
    )
    cluster.must("scancel", busy)
    wait_for(lambda: "Used=4" in cluster.must("scontrol", "show", "licenses"), 20, "all four")
    cluster.must("scancel", job)
    wait_for(lambda: "Used=0" in cluster.must("scontrol", "show", "licenses"), 30, "given back")


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        harness.main(
            words_for_a_batch_job,
            words_for_a_terminal,
            processes,
            keys_of_update,
            licences_of_components,
        )


if __name__ == "__main__":
    main()
