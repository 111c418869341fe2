#!/usr/bin/env python3
"""What is gone: jobs that have left the controller's memory and are still depended on; a node that
is lost under a job that goes on without it.
"""
import os

import harness
from harness import Cluster, check, wait_for

CONFIG = """\
min_job_age: 1
slurmd_timeout: 5
step_patience: 600
kill_wait: 2
nodes:
  - node_name: n[1-3]
    cpus: 4
    real_memory: 1000
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
"""

cluster: Cluster


def is_forgotten(job):
    return cluster.run("scontrol", "show", "job", job).returncode != 0


def reason(job):
    return cluster.must("squeue", "-h", "-j", job, "-o", "%r").strip()


def dependencies_on_forgotten_jobs():
    good = cluster.submit(wrap="true")
    bad = cluster.submit(wrap="exit 3")
    array = cluster.submit("-a", "1-2", wrap="[ $SLURM_ARRAY_TASK_ID = 1 ]")
    cluster.wait_end(good, bad, f"{array}_1", f"{array}_2")
    wait_for(lambda: all(map(is_forgotten, (good, bad, array))), 60, "the jobs being forgotten")
    fine = [
        cluster.submit("-d", dependency)
        for dependency in (
            f"afterok:{good}",
            f"afternotok:{bad}",
            f"afterany:{bad}",
            f"after:{good}",
            f"afterok:{array}_1",
        )
    ]
    never = [
        cluster.submit("-d", dependency)
        for dependency in (f"afterok:{bad}", f"afternotok:{good}", f"afterok:{array}")
    ]
    cluster.wait_end(*fine)
    for job in fine:
        check(cluster.state(job) == "COMPLETED", f"job {job} is {cluster.state(job)}")
    for job in never:
        check(reason(job) == "DependencyNeverSatisfied", f"job {job} waits for {reason(job)}")
    cluster.must("scancel", *never)
    done = cluster.run("sbatch", "-d", "afterok:999999", "--wrap", "true")
    check(done.returncode == 1 and "Job dependency problem" in done.stderr, f"{done}")


def a_lost_node_is_not_waited_for():
    up = cluster.work / "up"
    second = cluster.work / "second"
    job = cluster.submit(
        "-N3",
        "--no-kill",
        "-o",
        cluster.work / "job.out",
        wrap=f"srun --mem=5M sh -c 'echo x >>{up}; exec sleep 600'; "
        f"srun -N2 -n2 --mem=5M printenv SLURMD_NODENAME >{second}",
    )
    wait_for(lambda: up.exists() and len(up.read_text().split()) == 3, 30, "the tasks")
    cluster.kill("n3")
    for pid in cluster.stepds():
        line = dict(harness.processes()).get(pid, "")
        if "/nodes/n3" in line and "--nursery" not in line:
            os.kill(pid, 9)
    cluster.wait_end(job, seconds=60)
    said = (cluster.work / "job.out").read_text()
    check(cluster.state(job) == "COMPLETED", f"the job is {cluster.state(job)}: {said}")
    rows = cluster.must("sacct", "-n", "-P", "-j", f"{job}.0", "-o", "state").split()
    check(rows == ["NODE_FAIL"], f"its step is {rows}")
    nodes = sorted(second.read_text().split())
    check(nodes == ["n1", "n2"], f"later steps ran on {nodes}")
    cluster.up()


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        harness.main(dependencies_on_forgotten_jobs, a_lost_node_is_not_waited_for)


if __name__ == "__main__":
    main()
