#!/usr/bin/env python3
"""A job on more nodes than two: its launches and steps from node to node, and its end, which lasts
until the last node is clean; meanwhile the controller is killed and the clean nodes stay free.
"""
import harness
from harness import Cluster, check, wait_for

cluster: Cluster

CONFIG = """
cluster_name: wide
kill_wait: 8
nodes:
  - node_name: n[1-5]
    cpus: 2
    real_memory: 1G
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
"""

# One task of it doesn't mind SIGTERM.
STUBBORN = """
[ $SLURM_NODEID = 3 ] && trap '' TERM
echo $SLURMD_NODENAME >>%s
while :; do sleep 1; done
"""


def completing():
    rows = cluster.must("sinfo", "-h", "-N", "-o", "%N %T").splitlines()
    return sorted({row.split()[0] for row in rows if "completing" in row.lower()})


def steps_reach_all_nodes():
    out = cluster.work / "steps.out"
    job = cluster.submit(
        "-N5",
        "-o",
        out,
        wrap="srun -N5 -l --mem=5M printenv SLURMD_NODENAME; "
        "srun -N1 -n1 -w n4 --mem=5M printenv SLURM_JOB_CPUS_PER_NODE SLURM_JOB_NODELIST",
    )
    cluster.wait_end(job)
    said = out.read_text().splitlines()
    check(cluster.state(job) == "COMPLETED", f"job {job} is {cluster.state(job)}: {said}")
    check(sorted(said[:5]) == [f"{n}: n{n + 1}" for n in range(5)], f"{said}")
    check(said[5:] == ["1(x5)", "n[1-5]"], f"{said[5:]}")


def nodes_come_clean_one_by_one():
    up = cluster.work / "up"
    script = cluster.work / "stubborn"
    script.write_text(STUBBORN % up)
    job = cluster.submit("-N5", wrap=f"srun --mem=5M sh {script}")
    wait_for(lambda: up.exists() and len(up.read_text().split()) == 5, 30, "the tasks")
    cluster.must("scancel", job)
    wait_for(lambda: completing() == ["n4"], 20, "all but one node clean")
    cluster.kill("controller")
    cluster.up()
    wait_for(lambda: completing() == ["n4"], 20, "the one that isn't clean still ending the job")
    check(cluster.must("squeue", "-h", "-j", job, "-o", "%t").strip() == "CG", "it still completes")
    free = cluster.submit("-N4", "--exclusive")
    cluster.wait_end(free, seconds=20)
    check(cluster.state(free) == "COMPLETED", "four nodes are free")
    wait_for(lambda: not completing(), 60, "the last node clean")
    check(cluster.state(job).startswith("CANCELLED"), f"job {job} is {cluster.state(job)}")
    after = cluster.submit("-N5", "--exclusive")
    cluster.wait_end(after)
    check(cluster.state(after) == "COMPLETED", "all nodes are free")


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        harness.main(steps_reach_all_nodes, nodes_come_clean_one_by_one)


if __name__ == "__main__":
    main()
