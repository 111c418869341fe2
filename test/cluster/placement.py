#!/usr/bin/env python3
"""Which nodes jobs get, on real daemons: features and preferences, switches and how long a job
waits for them, neighbours, weights, cores that are kept for the system, and what can never run.
"""
import re

import harness
from harness import Cluster, check, wait_for

CONFIG = """
cluster_name: placed
def_mem_per_cpu: 10
scheduler_parameters: max_switch_wait=100
topology:
  switches:
    - {switch_name: s1, nodes: "n[1-3]", link_speed: 100}
    - {switch_name: s2, nodes: "n[4-5]"}
    - {switch_name: top, switches: "s[1-2]"}
nodes:
  - {node_name: "n[1-2]", cpus: 2, real_memory: 1G, features: "a,x", weight: 3}
  - {node_name: n3, cpus: 2, real_memory: 1G, features: "b,x", weight: 3}
  - {node_name: n4, cpus: 2, real_memory: 1G, features: "b,x"}
  - {node_name: n5, sockets: 1, cores_per_socket: 4, real_memory: 1G, features: c,
     core_spec_count: 1, mem_spec_limit: 200}
partitions:
  - {partition_name: batch, default: yes}
"""


def nodes_of(cluster, *options):
    done = cluster.run("salloc", "-Q", "-I10", *options, "printenv", "SLURM_JOB_NODELIST")
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def features(cluster):
    for options, expected in (
        (["-N3", "-C", "[a*2&b*1]"], "n[1-2,4]"),
        (["-C", "[a*1&b*1]"], "n[1,4]"),
        (["-N3", "-C", "a*2"], "n[1-2,4]"),
        (["-N2", "-C", "[a|b]"], "n[1-2]"),
        (["-N1", "-C", "(b|c)&x"], "n4"),
        (["--prefer=a"], "n1"),
    ):
        found = nodes_of(cluster, *options)
        check(found == expected, f"{options}: {found}")
    check(nodes_of(cluster, "--prefer=a", "-N5") == "n[1-5]", "a preference is no demand")
    for options, words in (
        (["-C", "zzz"], "Invalid feature specification"),
        (["-C", "[a*1|b*1]"], "Invalid feature specification"),
        (["--prefer=zzz"], "Invalid preferred feature specification"),
        (["-N1", "-C", "a*2"], "Requested node configuration is not available"),
    ):
        refused = cluster.run("sbatch", *options, "--wrap", "true")
        check(refused.returncode == 1 and words in refused.stderr, f"{options}: {refused.stderr}")


def switches(cluster):
    check(nodes_of(cluster, "-N3", "--switches=1") == "n[1-3]", "three nodes of one switch")
    check(nodes_of(cluster, "-N2") == "n[4-5]", "two light nodes of one switch")
    check(nodes_of(cluster, "--contiguous", "-N4") == "n[1-4]", "neighbours")
    address = cluster.must("srun", "-w", "n2", "printenv", "SLURM_TOPOLOGY_ADDR")
    check(address.strip() == "top.s1.n2", address)
    pattern = cluster.must("srun", "-w", "n2", "printenv", "SLURM_TOPOLOGY_ADDR_PATTERN")
    check(pattern.strip() == "switch.switch.node", pattern)
    shown = cluster.must("scontrol", "show", "topology")
    check("SwitchName=s1 Level=0 LinkSpeed=100 Nodes=n[1-3]\n" in shown, shown)
    check("SwitchName=top Level=1 LinkSpeed=1 Nodes=n[1-5] Switches=s[1-2]\n" in shown, shown)
    below = cluster.must("scontrol", "show", "topology", "n4")
    check("s1 " not in below and "s2" in below and "top" in below, below)


def waiting_for_switches(cluster):
    """One node of each switch is busy, so three free ones are never of one: then any do."""
    busy = cluster.submit("-w", "n1", "--exclusive", wrap="sleep 100")
    cluster.wait_state(busy, "RUNNING")
    job = cluster.submit("-N3", "--switches=1@00:03", "--exclusive", wrap="sleep 100")
    text = cluster.must("scontrol", "show", "job", str(job))
    check("Switches=1@00:00:03" in text, text)
    check("JobState=PENDING" in text, text)
    cluster.wait_state(job, "RUNNING", seconds=30)
    cluster.must("scancel", str(busy), str(job))
    cluster.wait_end(busy, job)
    wide = cluster.submit("-N4", "--switches=1@00:03", wrap="true")
    text = cluster.must("scontrol", "show", "job", str(wide))
    check("JobState=PENDING" in text, text)
    cluster.wait_end(wide, seconds=30)


def kept_cores(cluster):
    node = cluster.must("scontrol", "show", "node", "n5")
    check("CPUEfctv=3 CPUTot=4" in node, node)
    check("CoreSpecCount=1 CPUSpecList=3 MemSpecLimit=200" in node, node)
    check(nodes_of(cluster, "-w", "n5", "-N1", "-n3") == "n5", "three of four cores")
    refused = cluster.run("sbatch", "-w", "n5", "-N1", "-n4", "--wrap", "true")
    check(refused.returncode == 1, "the fourth core is kept")
    held = cluster.must("srun", "-w", "n5", "--exclusive", "printenv", "SLURM_JOB_CPUS_PER_NODE")
    check(held.strip() == "3", held)


def impossible(cluster):
    for options, words in (
        (["-c65"], "asks for 65 CPUs on one node; the largest in partition batch has 3"),
        (["--mem=2G"], "asks for 2048 MiB of memory on one node; the largest in partition batch"),
        (["-N9"], "asks for 9 nodes; partition batch has 5 that fit"),
        (["-N2", "--segment=1"], "segment"),
        (["-S1"], "core specialization"),
    ):
        refused = cluster.run("sbatch", *options, "--wrap", "true")
        check(refused.returncode == 1 and words in refused.stderr, f"{options}: {refused.stderr}")


def everything():
    with Cluster(config=CONFIG) as cluster:
        for test in (features, switches, waiting_for_switches, kept_cores, impossible):
            test(cluster)
            print(f"{test.__name__}: good", flush=True)


if __name__ == "__main__":
    harness.main(everything)
