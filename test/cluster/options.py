#!/usr/bin/env python3
"""Options of sbatch and srun that are accepted show their effect, and the environment of batch
scripts, steps and salloc is Slurm's. One row each; one cluster for all.
"""
import os
import re

import harness
from harness import Cluster, check

cluster: Cluster

# option, a field of `scontrol show job` and what it must be like
SHOWN = (
    ("--account=phys", "Account", "phys"),
    ("--begin=2030-01-02T03:04", "StartTime", "2030-01-02T03:04"),
    ("--comment=words", "Comment", "words"),
    ("--constraint=fast", "Features", "fast"),
    ("--contiguous", "Contiguous", "1"),
    ("--cores-per-socket=2", "Socks/Node", r"\*"),
    ("--cpus-per-task=2", "CPUs/Task", "2"),
    ("--deadline=2030-01-02", "Deadline", "2030-01-02"),
    ("--dependency=singleton", "Dependency", "singleton"),
    ("--error=e.%j", "StdErr", r".*/e\.\d+"),
    ("--exclude=n2", "ExcNodeList", "n2"),
    ("--exclusive", "OverSubscribe", "NO"),
    ("--hold", "Priority", "0"),
    ("--input=/dev/zero", "StdIn", "/dev/zero"),
    ("--job-name=named", "JobName", "named"),
    ("--mem=100M", "MinMemoryNode", "100M"),
    ("--mem-per-cpu=20M", "MinMemoryCPU", "20M"),
    ("--mincpus=2", "MinCPUsNode", "2"),
    ("--nice=7", "Nice", "7"),
    ("--no-requeue", "Requeue", "0"),
    ("--requeue", "Requeue", "1"),
    ("--nodelist=n2", "ReqNodeList", "n2"),
    ("--nodes=2", "NumNodes", "2"),
    ("--ntasks=3", "NumTasks", "3"),
    ("--ntasks-per-node=2", "NtasksPerN:B:S:C", "2:.*"),
    ("--output=o.%j", "StdOut", r".*/o\.\d+"),
    ("--oversubscribe", "OverSubscribe", "YES"),
    ("--partition=other", "Partition", "other"),
    ("--priority=42", "Priority", "42"),
    ("--chdir=/tmp", "WorkDir", "/tmp"),
    ("--time=15", "TimeLimit", "00:15:00"),
    ("--time-min=5 --time=9", "TimeMin", "00:05:00"),
    ("--tmp=10M", "MinTmpDiskNode", "10M"),
    ("--threads-per-core=1", "ReqB:S:C:T", r".*:1"),
    ("--gres=gpu:1", "TresPerNode", r"gres[:/]gpu:1"),
    ("--gpus=1", "TresPerJob", r"gres[:/]gpu:1"),
    ("--uid=nobody", "UserId", r"nobody\(65534\)"),
    ("--mail-type=END --mail-user=me", "MailUser", "me"),
    ("--array=1-3", "ArrayTaskId", "1-3"),
    ("--wckey=w", None, "not supported|WCKey"),
    ("--open-mode=append", None, ""),
    ("--licenses=x", None, "[Ll]icense"),
    ("--container-type=x", None, "not supported"),
    ("--container-image=x#y:1 --container-mounts=/tmp:/t", "Container", "x#y:1"),
)

BATCH = {  # -N2 -n4 -c2 --mem=200 -J envjob, as the reference gives it
    "ENVIRONMENT": "BATCH",
    "SLURMD_NODENAME": "n1",
    "SLURM_CPUS_ON_NODE": "4",
    "SLURM_CPUS_PER_TASK": "2",
    "SLURM_GTIDS": "0",
    "SLURM_JOB_CPUS_PER_NODE": r"4\(x2\)",
    "SLURM_JOBID": r"\d+",
    "SLURM_JOB_ID": r"\d+",
    "SLURM_JOB_NAME": "envjob",
    "SLURM_JOB_NODELIST": r"n\[1-2\]",
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_JOB_PARTITION": "batch",
    "SLURM_JOB_UID": r"\d+",
    "SLURM_JOB_USER": r"\w+",
    "SLURM_JOB_GID": r"\d+",
    "SLURM_LOCALID": "0",
    "SLURM_MEM_PER_NODE": "200",
    "SLURM_NNODES": "2",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": r"n\[1-2\]",
    "SLURM_NPROCS": "4",
    "SLURM_NTASKS": "4",
    "SLURM_PRIO_PROCESS": r"-?\d+",
    "SLURM_PROCID": "0",
    "SLURM_SUBMIT_DIR": "/.*",
    "SLURM_SUBMIT_HOST": r"\S+",
    "SLURM_TASKS_PER_NODE": r"2\(x2\)",
    "SLURM_TASK_PID": r"\d+",
    "SLURM_TOPOLOGY_ADDR": "n1",
    "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
    "TMPDIR": "/tmp",
    "SLURM_CLUSTER_NAME": r"\w+",
    "HOSTNAME": "n1",
}
TASK3 = {  # the last task of srun in it
    "SLURMD_NODENAME": "n2",
    "SLURM_GTIDS": "2,3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_PROCID": "3",
    "SLURM_STEP_ID": r"\d+",
    "SLURM_STEPID": r"\d+",
    "SLURM_STEP_NODELIST": r"n\[1-2\]",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": r"2\(x2\)",
    "SLURM_DISTRIBUTION": "block",
    "SLURM_NTASKS": "4",
    "SLURM_UMASK": "0022",
}
NOT_IN_BATCH = ("SLURM_STEP_ID", "SLURM_STEPID", "SLURM_DISTRIBUTION", "SLURM_RESTART_COUNT")
NOT_IN_SALLOC = (
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_NODEID",
    "SLURM_GTIDS",
    "SLURMD_NODENAME",
    "SLURM_TASK_PID",
    "ENVIRONMENT",
    "SLURM_CPUS_ON_NODE",
)


def shown_by_scontrol():
    wrong = []
    for options, field, like in SHOWN:
        if "uid" in options and os.geteuid() != 0:
            continue
        words = options.split()
        held = [] if field in ("Priority", "StartTime") else ["--begin=now+1day"]
        memory = [] if "--mem" in options else ["--mem=20M"]
        done = cluster.run("sbatch", "--parsable", *held, *memory, *words, "--wrap", "true")
        if field is None:
            if done.returncode != 0 and not re.search(like, done.stderr):
                wrong.append(f"{options}: {done.stderr.strip()}")
            continue
        if done.returncode != 0:
            wrong.append(f"{options}: {done.stderr.strip()}")
            continue
        out = cluster.must("scontrol", "show", "job", done.stdout.strip())
        seen = dict(re.findall(r"(\S+?)=(\S*)", out)).get(field)
        if seen is None or not re.match(like, seen):
            wrong.append(f"{options}: {field}={seen}, not {like}")
    cluster.run("scancel", "--me")
    check(not wrong, f"{len(wrong)} of {len(SHOWN)}:\n  " + "\n  ".join(wrong))


def compare(text, wanted, absent=()):
    seen = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    wrong = [
        f"{name}={seen.get(name)}, not {like}"
        for name, like in wanted.items()
        if not re.fullmatch(like, seen.get(name, "\0"))
    ]
    wrong += [f"{name}={seen[name]} should not be there" for name in absent if name in seen]
    check(not wrong, "\n  " + "\n  ".join(wrong))


def environment_of_a_batch_script():
    out, task = cluster.work / "env", cluster.work / "task"
    job = int(
        cluster.must(
            "sbatch",
            "--parsable",
            "-N2",
            "-n4",
            "-c2",
            "--mem=200",
            "-J",
            "envjob",
            "-o",
            out,
            "--wrap",
            f"env; srun --mem=10 -o {task}.%t env",
        )
    )
    cluster.wait_end(job)
    compare(out.read_text(), BATCH, NOT_IN_BATCH)
    compare((cluster.work / "task.3").read_text(), TASK3)


def environment_of_salloc():
    done = cluster.run("salloc", "-N2", "-n4", "-c2", "--mem=200", "env")
    wanted = {
        name: BATCH[name]
        for name in BATCH
        if name
        not in NOT_IN_SALLOC
        + (
            "TMPDIR",
            "HOSTNAME",
            "SLURM_JOB_UID",
            "SLURM_JOB_USER",
            "SLURM_JOB_GID",
            "SLURM_TOPOLOGY_ADDR",
            "SLURM_TOPOLOGY_ADDR_PATTERN",
            "SLURM_PRIO_PROCESS",
            "SLURM_JOB_NAME",
        )
    }
    compare(done.stdout, wanted, NOT_IN_SALLOC)


def exported_environment():
    """--export of sbatch and srun."""
    out = cluster.work / "export"
    for value, seen in (("ALL,Z=5", "mine 5"), ("Z=6", " 6"), ("NONE", " ")):
        done = cluster.run(
            "sbatch",
            "--wait",
            "--mem=20M",
            f"--export={value}",
            "-o",
            out,
            "--wrap",
            'echo "$MINE $Z"',
            env={"MINE": "mine"},
        )
        check(done.returncode == 0, done.stderr)
        check(out.read_text() == seen + "\n", f"--export={value}: {out.read_text()!r}")
    done = cluster.run("srun", "--mem=20M", "--export=Z=7", "/usr/bin/env", env={"MINE": "mine"})
    check("Z=7\n" in done.stdout and "MINE=" not in done.stdout, done.stdout)


def options_by_environment():
    done = cluster.run(
        "sbatch",
        "--parsable",
        "--wrap",
        "true",
        env={"SBATCH_JOB_NAME": "by_env", "SBATCH_TIMELIMIT": "3", "SBATCH_MEM_PER_NODE": "30M"},
    )
    out = cluster.must("scontrol", "show", "job", done.stdout.strip())
    check("JobName=by_env" in out and "TimeLimit=00:03:00" in out and "30M" in out, out)
    done = cluster.run(
        "srun",
        "--mem=10M",
        "sh",
        "-c",
        "echo $SLURM_PROCID",
        env={"SLURM_NTASKS": "2", "SLURM_LABELIO": "1"},
    )
    check(sorted(done.stdout.splitlines()) == ["0: 0", "1: 1"], done.stdout + done.stderr)


def gpus_are_counted():
    done = cluster.run("srun", "--mem=10M", "--gres=gpu:1", "printenv", "SLURM_GPUS_ON_NODE")
    check(done.stdout == "1\n", f"{done.stdout!r} {done.stderr}")


def binding_and_limits():
    done = cluster.run("srun", "--mem=10M", "-n2", "--cpu-bind=none", "nproc")
    check(done.returncode == 0, done.stderr)
    done = cluster.run(
        "sbatch",
        "--wait",
        "--mem=20M",
        "-o",
        cluster.work / "rlimit",
        "--wrap",
        "umask; ulimit -c",
        env={},
    )
    check(
        done.returncode == 0 and (cluster.work / "rlimit").read_text().startswith("0022"),
        (cluster.work / "rlimit").read_text(),
    )


CONFIG = """cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
return_to_service: 2
def_mem_per_cpu: 100
nodes:
  - node_name: n[1-2]
    node_addr: 127.0.0.1
    cpus: 4
    real_memory: 1024
    features: fast
    gres: gpu:2
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
    over_subscribe: YES
  - partition_name: other
    nodes: n2
"""


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        harness.main(
            shown_by_scontrol,
            environment_of_a_batch_script,
            environment_of_salloc,
            exported_environment,
            options_by_environment,
            gpus_are_counted,
            binding_and_limits,
        )


if __name__ == "__main__":
    main()
