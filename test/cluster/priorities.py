#!/usr/bin/env python3
"""`sshare` and `sprio` against a calculation by hand, on random trees by seed.

    priorities.py [--seeds N] [--first SEED]

What is calculated with comes from the commands alone: raw shares and raw usage of `sshare -alP`,
the weights configured, priorities and requests of the jobs. Fair Tree and the factors are written
here a second time, in the plainest way, from their description.
"""
import argparse
import random
import re

import harness
from harness import check

USERS = ("daemon", "bin", "games", "mail", "news", "sys")
ACCOUNTS = ("phys", "chem", "bio", "sub1", "sub2")
WEIGHTS = {
    "age": 0,
    "fairshare": 10000,
    "job_size": 700,
    "partition": 900,
    "qos": 3000,
    "assoc": 500,
}
FACTORS = {"batch": 1, "high": 5}
CPUS, NODES = 8, 2

CONFIG = f"""\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
accounting_storage_enforce: associations,limits,qos
priority_type: priority/multifactor
priority_calc_period: 1
{"".join(f"priority_weight_{name}: {value}" + chr(10) for name, value in WEIGHTS.items())}
nodes:
  - {{node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 4, sockets: 4, cores_per_socket: 1,
     real_memory: 4096, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes, priority_job_factor: {FACTORS["batch"]}}}
  - {{partition_name: high, nodes: n1, priority_job_factor: {FACTORS["high"]}}}
"""


class Node:
    """An account or a user below one."""

    def __init__(self, name, user, shares, usage):
        self.name, self.user, self.usage = name, user, int(usage)
        self.shares = shares
        self.children = []

    def is_parent(self):
        return self.shares == "parent"


def grow(cluster, dice):
    """A tree of accounts and users; every user's default is his first account."""
    for name, priority in (("low", 10), ("top", 40)):
        cluster.must("sacctmgr", "-i", "add", "qos", name, f"priority={priority}")
    made = ["root"]
    for name in ACCOUNTS:
        share = "parent" if dice.random() < 0.15 else dice.randrange(1, 9)
        parent = dice.choice(made)
        words = ["add", "account", name, f"parent={parent}", f"fairshare={share}"]
        cluster.must("sacctmgr", "-i", *words)
        cluster.must("sacctmgr", "-i", "modify", "account", name, "set", "qos=normal,low,top")
        made.append(name)
    for user in USERS:
        for account in dice.sample(ACCOUNTS, dice.randrange(1, 3)):
            share = "parent" if dice.random() < 0.1 else dice.randrange(0, 6)
            words = [
                f"account={account}",
                f"fairshare={share}",
                f"priority={dice.randrange(1, 99)}",
            ]
            cluster.must("sacctmgr", "-i", "add", "user", user, *words)


def rows_of(text):
    """Lines of a -P listing with a head as dictionaries."""
    lines = [line for line in text.split("\n") if line]
    head = [word.strip() for word in lines[0].split("|")]
    return [dict(zip(head, line.split("|"))) for line in lines[1:]]


def tree_of(rows):
    """(the root, {(account, user): row}) of sshare's rows; blanks before a name are its depth."""
    found, path, root = {}, [], None
    for row in rows:
        name, user = row["Account"], row["User"]
        depth = len(name) - len(name.lstrip())
        node = Node(name.strip(), user, row["RawShares"], row["RawUsage"])
        if root is None:
            root, path = node, [node]
            continue
        path = path[:depth]
        path[-1].children.append(node)
        found[(node.name, user)] = row
        path.append(node)
    return root, found


def level_of(node, siblings, usage):
    """LevelFS: part of the shares over part of the usage, both among siblings."""
    if node.is_parent():
        return float("inf")
    total = sum(int(each.shares) for each in siblings if not each.is_parent())
    shares = int(node.shares) / total if total else 0
    if shares == 0:
        return 0.0
    return float("inf") if not node.usage or not usage else shares * usage / node.usage


def children_of(node):
    """Those who compete below it: an account whose share is its parent's sends its own instead."""
    found = []
    for child in node.children:
        if child.is_parent() and not child.user:
            found += children_of(child)
        else:
            found.append(child)
    return found


def ranks_of(tied):
    """[{(account, user), …}, …] below accounts that are tied, from the best: who stands in one set
    has one rank. Children of tied accounts compete together, a user who is tied with an account has
    the rank of its best."""
    below = []
    for node in tied:
        children = children_of(node)
        usage = sum(child.usage for child in children)
        below += [(child, level_of(child, children, usage)) for child in children]
    order = []
    for level in sorted({level for _, level in below}, reverse=True):
        group = [child for child, value in below if value == level]
        users = {(child.name, child.user) for child in group if child.user}
        accounts = [child for child in group if not child.user]
        inside = ranks_of(accounts) if accounts else []
        if users and inside:
            inside[0] |= users
        order += inside or ([users] if users else [])
    return order


def factors_of(root):
    """{(account, user): fair-share factor}"""
    order, factors = ranks_of([root]), {}
    count = left = sum(len(tied) for tied in order)
    for tied in order:
        for who in tied:
            factors[who] = left / count
        left -= len(tied)
    return factors


def check_sshare(cluster, seed):
    rows = rows_of(cluster.must("sshare", "-alP"))
    root, found = tree_of(rows)
    factors = factors_of(root)
    for who, row in found.items():
        if not who[1]:
            continue
        told = float(row["FairShare"])
        check(who in factors, f"seed {seed}: {who} has no rank")
        check(
            abs(told - factors[who]) < 2e-6,
            f"seed {seed}: {who}: sshare says {told}, by hand {factors[who]:.6f}\n"
            + cluster.must("sshare", "-al"),
        )
    return factors


def check_sprio(cluster, seed, factors, jobs):
    """Each factor of each waiting job, and their sum less nice."""
    lines = cluster.must("sprio", "-h", "-o", "%i|%F|%P|%Q|%J|%B|%N|%Y").split("\n")
    rows = {int(w[0]): [int(x) for x in w[1:]] for w in (l.split("|") for l in lines if l)}
    check(
        set(rows) >= set(jobs), f"seed {seed}: sprio lacks jobs: {sorted(rows)} of {sorted(jobs)}"
    )
    for number, job in jobs.items():
        fair, part, qos, size, assoc, nice, whole = rows[number]
        size_part = (job["nodes"] / NODES + job["cpus"] / CPUS) / 2
        expected = {
            "fair-share": (fair, WEIGHTS["fairshare"] * factors[(job["account"], job["user"])]),
            "partition": (part, WEIGHTS["partition"] * FACTORS[job["partition"]] / 5),
            "qos": (qos, WEIGHTS["qos"] * {"normal": 0, "low": 10, "top": 40}[job["qos"]] / 40),
            "job size": (size, WEIGHTS["job_size"] * size_part),
            "nice": (nice, job["nice"]),
            "sum": (whole, max(1, fair + part + qos + size + assoc - nice)),
        }
        for name, (told, value) in expected.items():
            check(
                abs(told - value) <= (1.01 if name != "sum" else 3),
                f"seed {seed}: job {number} {job}: {name} is {told}, by hand {value:.2f}",
            )


def submit_all(cluster, dice):
    """Waiting jobs of all users: {id: what it asked}"""
    accounts = {}
    for row in rows_of(cluster.must("sacctmgr", "-P", "list", "assoc", "format=account,user")):
        if row["User"] in USERS:
            accounts.setdefault(row["User"], []).append(row["Account"])
    jobs = {}
    for user, mine in accounts.items():
        for _ in range(2):
            job = {
                "user": user,
                "account": dice.choice(mine),
                "partition": dice.choice(("batch", "high")),
                "qos": dice.choice(("normal", "low", "top")),
                "nice": dice.choice((0, 0, 15)),
                "nodes": 1,
                "cpus": dice.randrange(1, 5),
            }
            words = [f"-A{job['account']}", f"-p{job['partition']}", f"--qos={job['qos']}"]
            words += [f"--nice={job['nice']}", "-N1", f"-n{job['cpus']}", "-D/"]
            jobs[cluster.submit(*words, wrap="true", user=user)] = job
    return jobs


def one_seed(seed):
    dice = random.Random(seed)
    with harness.Cluster(config=CONFIG) as cluster:
        grow(cluster, dice)
        check_sshare(cluster, f"{seed} (unused)")
        jobs = [
            cluster.submit(
                "-D/", f"-n{dice.randrange(1, 3)}", wrap="sleep 1", user=dice.choice(USERS)
            )
            for _ in range(5)
        ]
        cluster.wait_end(*jobs)
        cluster.must("scontrol", "update", "partitionname=batch", "state=down")
        cluster.must("scontrol", "update", "partitionname=high", "state=down")
        factors = check_sshare(cluster, seed)
        waiting = submit_all(cluster, dice)
        check_sprio(cluster, seed, factors, waiting)
        used = re.findall(r"\|[1-9]\d*\|", cluster.must("sshare", "-alP"))
        check(used, f"seed {seed}: nothing was used")


def random_trees():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    arguments, _ = parser.parse_known_args()
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        one_seed(seed)


if __name__ == "__main__":
    import sys

    if len(sys.argv) > 1 and sys.argv[1].startswith("--"):
        random_trees()
    else:
        harness.main(random_trees)
