#!/usr/bin/env python3
"""`sshare -l` and `sprio -l` reconcile with a hand calculation, to the last digit shown.

What is calculated with is what users can see: shares and raw usage (sshare), weights (scontrol show
config), priorities of associations and QOS (sacctmgr), factors of partitions (scontrol show
partition), requests (squeue). All arithmetic is in fractions. Random trees, and shares that are the
parent's, are the matter of priorities.py.
"""
import fractions
import math

import harness
import priorities
from harness import check, wait_for

Fraction = fractions.Fraction
CPUS, NODES, NODE_MEMORY = 8, 2, 4096
CONFIG = f"""\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
accounting_storage_enforce: associations,limits,qos
priority_type: priority/multifactor
priority_calc_period: 0:01
priority_max_age: 0:01
priority_weight_age: 1013
priority_weight_fairshare: 100003
priority_weight_qos: 20011
priority_weight_job_size: 5003
priority_weight_partition: 3001
priority_weight_assoc: 1009
priority_weight_tres: CPU=10007,Mem=5009
nodes:
  - {{node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 4, sockets: 4, cores_per_socket: 1,
     real_memory: {NODE_MEMORY}, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes, priority_job_factor: 2}}
  - {{partition_name: high, nodes: n1, priority_job_factor: 7}}
"""
TREE = (
    "add account phys fairshare=5",
    "add account chem fairshare=3",
    "add account solid parent=phys fairshare=2",
    "add user daemon account=phys fairshare=3 priority=17",
    "add user games account=phys fairshare=1",
    "add user bin account=solid fairshare=4",
    "add user mail account=solid fairshare=0 priority=40",
    "add user news account=chem fairshare=2",
    "add user sys account=chem fairshare=7 priority=3",
    "add qos low priority=13",
    "add qos top priority=70",
    "modify account phys,chem set qos=normal,low,top",
)
USED = (("daemon", 1, 2), ("bin", 2, 1), ("news", 1, 1), ("sys", 2, 2))  # user, CPUs, seconds
WAITING = (  # user, partition, QOS, nodes, tasks, MiB a node, nice
    ("daemon", "batch", "normal", 1, 3, 100, 0),
    ("games", "batch", "low", 2, 5, 333, 7),
    ("bin", "high", "top", 1, 2, 1000, 0),
    ("mail", "high", "normal", 1, 1, 77, 0),
    ("news", "batch", "top", 2, 8, 2050, 100),
    ("sys", "batch", "low", 1, 1, 20, 0),
)
cluster = None


def rounded(value, places):
    """As printed: a half goes up."""
    scale = 10**places
    whole = math.floor(value * scale + Fraction(1, 2))
    return f"{whole // scale}.{whole % scale:0{places}}"


def table(*words):
    return priorities.rows_of(cluster.must(*words))


def use_and_fill():
    """What was used stays as it is from then on; then jobs wait in partitions that are down."""
    for words in TREE:
        cluster.must("sacctmgr", "-i", *words.split())
    jobs = [
        cluster.submit("-D/", f"-n{cpus}", wrap=f"sleep {seconds}", user=user)
        for user, cpus, seconds in USED
    ]
    cluster.wait_end(*jobs)
    for partition in ("batch", "high"):
        cluster.must("scontrol", "update", f"partitionname={partition}", "state=down")
    for user, partition, qos, nodes, tasks, memory, nice in WAITING:
        words = [f"-p{partition}", f"--qos={qos}", f"-N{nodes}-{nodes}", f"-n{tasks}", "-D/"]
        cluster.submit(*words, f"--mem={memory}", f"--nice={nice}", user=user)
    aged = lambda: set(cluster.must("sprio", "-h", "-n", "-o", "%a").split()) == {"1.0000000"}
    wait_for(aged, 30, "the whole of the age factor")


def shares():
    rows = table("sshare", "-alP")
    root, found = priorities.tree_of(rows)
    check(root.usage > 0, "nothing was used")
    factors = priorities.factors_of(root)

    def below(node):
        total = sum(int(child.shares) for child in node.children)
        for child in node.children:
            row = found[(child.name, child.user)]
            norm = Fraction(int(child.shares), total)
            used = Fraction(child.usage, node.usage) if node.usage else Fraction(0)
            level = rounded(norm / used, 6) if used else "inf"
            expected = {
                "NormShares": rounded(norm, 6),
                "NormUsage": rounded(Fraction(child.usage, root.usage), 6),
                "EffectvUsage": rounded(used, 6),
                "LevelFS": level if norm else "0.000000",
            }
            if child.user:
                factor = Fraction(factors[(child.name, child.user)]).limit_denominator(1000)
                expected["FairShare"] = rounded(factor, 6)
            for name, value in expected.items():
                check(row[name].strip() == value, f"{name}: by hand {value}, sshare says {row}")
            below(child)

    below(root)
    return factors


def inputs():
    """What priorities are calculated from: (config, {QOS: priority}, {user: priority}, factors)"""
    lines = cluster.must("scontrol", "show", "config").split("\n")
    config = {
        line.split("=")[0].strip(): line.split("=", 1)[1].strip() for line in lines if "=" in line
    }
    qos = {
        row["Name"]: int(row["Priority"])
        for row in table("sacctmgr", "-P", "list", "qos", "format=name,priority")
    }
    users = {}
    for row in table("sacctmgr", "-P", "list", "assoc", "format=user,priority"):
        if row["User"]:
            users[row["User"]] = int(row["Priority"] or 0)
    factors = {}
    for line in cluster.must("scontrol", "-o", "show", "partition").split("\n"):
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if words:
            factors[words["PartitionName"]] = int(words["PriorityJobFactor"])
    return config, qos, users, factors


def sums():
    fair = {
        user: factor
        for (_, user), factor in priorities.factors_of(
            priorities.tree_of(table("sshare", "-alP"))[0]
        ).items()
    }
    config, qos, users, factors = inputs()
    weight = {
        name: int(config["PriorityWeight" + name])
        for name in ("Age", "Assoc", "FairShare", "JobSize", "Partition", "QOS")
    }
    tres = dict(entry.split("=") for entry in config["PriorityWeightTRES"].split(","))
    lines = cluster.must("squeue", "-h", "-t", "PD", "-o", "%i|%u|%P|%q|%D|%C|%m|%y").split()
    jobs = [line.split("|") for line in lines]
    check(len(jobs) == len(WAITING), f"jobs: {jobs}")
    shown = cluster.must("sprio", "-h", "-l").split("\n")
    shown = {line.split()[0]: line.split() for line in shown if line}
    for job, user, partition, name, nodes, cpus, memory, nice in jobs:
        nodes, cpus, memory = int(nodes), int(cpus), int(memory.rstrip("M")) * int(nodes)
        there = NODES if partition == "batch" else 1
        parts = [
            weight["Age"] * Fraction(1),
            weight["Assoc"] * Fraction(users[user], max(users.values())),
            weight["FairShare"] * Fraction(fair[user]).limit_denominator(1000),
            weight["JobSize"] * (Fraction(nodes, NODES) + Fraction(cpus, CPUS)) / 2,
            weight["Partition"] * Fraction(factors[partition], max(factors.values())),
            weight["QOS"] * Fraction(qos[name], max(qos.values())),
        ]
        by_tres = [
            int(tres["CPU"]) * Fraction(cpus, CPUS // NODES * there),
            int(tres["Mem"]) * Fraction(memory, NODE_MEMORY * there),
        ]
        texts = [rounded(part, 0).split(".")[0] for part in parts]
        tres_text = "cpu={},mem={}".format(*(rounded(p, 0).split(".")[0] for p in by_tres))
        whole = math.floor(sum(parts) + sum(by_tres)) - int(nice)
        expected = [job, partition, user, str(whole), "0", *texts, nice, tres_text]
        check(shown[job] == expected, f"by hand {expected}, sprio says {shown[job]}")


def main():
    global cluster
    with harness.Cluster(config=CONFIG) as cluster:
        harness.main(use_and_fill, shares, sums)


if __name__ == "__main__":
    main()
