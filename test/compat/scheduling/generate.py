"""Clusters and requests by seed: what the comparison runs on the reference and on Sluice.

A *shape* is a cluster: nodes, partitions, accounts, and how CPUs are given out. A *scenario* is a
list of submits that meet an empty cluster of that shape all at once. The same seed gives the same
shapes and scenarios with any release of Python's `random`: only random() is used. Both are plain
values, so that they can be written down beside their results.
"""
import math
import random

USERS = ("root", "daemon", "bin", "games", "mail", "news")


class Dice:
    """random() with the few forms that are needed; stable over Python's releases."""

    def __init__(self, *seed):
        self.source = random.Random("/".join(str(part) for part in seed))

    def number(self, low, high):
        return low + math.floor(self.source.random() * (high - low + 1))

    def chance(self, percent):
        return self.source.random() * 100 < percent

    def one(self, *values):
        return values[self.number(0, len(values) - 1)]

    def some(self, values):
        picked = [value for value in values if self.chance(50)]
        return picked or [values[self.number(0, len(values) - 1)]]


def shape(seed):
    """A cluster. Its number decides the subjects that it has (features, gres, partitions, …) and
    how jobs may overtake: not at all ("builtin"); by backfill, with whole nodes ("exclusive"),
    since the reference plans whole nodes ahead; or by backfill with shared nodes ("mixed")."""
    dice = Dice("shape", seed)
    kinds = SUBJECTS[seed % len(SUBJECTS)]
    made = {"seed": seed, "kinds": sorted(kinds), "nodes": nodes_of(dice, kinds)}
    made["mode"] = ("builtin", "exclusive", "mixed")[(seed + seed // len(SUBJECTS)) % 3]
    made["unit"] = dice.one("core", "thread") if "smt" in kinds else "core"
    if made["unit"] == "thread":
        # Where the reference knows of threads, jobs never share a core.
        made["kinds"] = sorted({*kinds} - {"smt", "sockets"})
    made["partitions"] = partitions_of(dice, kinds, made["nodes"])
    if "licenses" in kinds:
        made["licenses"] = {"matlab": dice.number(2, 4), "ansys": dice.number(1, 2)}
    if "topology" in kinds:
        made["topology"] = topology_of(made["nodes"])
    if "accounts" in kinds:
        made["accounts"] = accounts_of(dice)
    return made


def nodes_of(dice, kinds):
    nodes = []
    classes = []
    # Weight decides between kinds of nodes: what else would is not documented.
    weights = dice.one((10, 20, 30), (30, 20, 10), (20, 10, 30), (20, 30, 10))
    for index in range(dice.number(1, 3)):
        sockets = dice.number(1, 2)
        classes.append(
            {
                "sockets": sockets,
                "cores": dice.one(2, 4) if sockets == 2 else dice.one(2, 4, 8),
                "threads": dice.one(1, 2) if "smt" in kinds else 1,
                "memory": dice.one(1000, 2000, 4000),
                "features": ",".join(dice.some(["fast", "ib", "big"]))
                if "features" in kinds
                else "",
                "weight": weights[index],
                "gpus": dice.one(0, 1, 2, 4) if "gres" in kinds else 0,
            }
        )
    if "gres" in kinds and not any(each["gpus"] for each in classes):
        classes[0]["gpus"] = 2
    for each in classes:
        for _ in range(dice.number(1, 8 // len(classes))):
            nodes.append({"name": f"n{len(nodes) + 1}", **each})
    return nodes


def partitions_of(dice, kinds, nodes):
    made = [{"name": "batch", "nodes": "ALL", "default": True}]
    if "partitions" not in kinds:
        return made
    for name in ("high", "short")[: dice.number(1, 2)]:
        part = {"name": name}
        first = dice.number(1, len(nodes))
        last = dice.number(first, len(nodes))
        part["nodes"] = f"n[{first}-{last}]" if last > first else f"n{first}"
        part["tier"] = 10 if name == "high" else 2
        if dice.chance(50):
            part["max_time"] = dice.one(30, 60, 120)
        if dice.chance(30):
            part["max_nodes"] = dice.number(1, 3)
        made.append(part)
    return made


def topology_of(nodes):
    """Switches of two nodes each below one at the top."""
    names = [node["name"] for node in nodes]
    leaves = [names[at : at + 2] for at in range(0, len(names), 2)]
    made = [{"name": f"s{at + 1}", "nodes": ",".join(leaf)} for at, leaf in enumerate(leaves)]
    if len(made) > 1:
        made.append({"name": "top", "switches": ",".join(each["name"] for each in made)})
    return made


def accounts_of(dice):
    """What sacctmgr is told on both sides, as lists of words."""
    lines = [["add", "qos", "low", "priority=10"], ["add", "qos", "top", "priority=100"]]
    limits = (
        f"MaxTRESPerUser=cpu={dice.number(2, 6)}",
        f"MaxJobsPerUser={dice.number(1, 2)}",
        f"GrpTRES=cpu={dice.number(3, 8)}",
        f"GrpJobs={dice.number(1, 3)}",
        f"MaxTRESPerJob=cpu={dice.number(2, 4)}",
        f"MaxTRESPerAccount=cpu={dice.number(3, 8)}",
        f"MaxJobsPerAccount={dice.number(1, 3)}",
        f"MaxWall={dice.one(30, 60)}",
        f"GrpTRES=node={dice.number(1, 3)}",
        f"MaxTRESPerNode=cpu={dice.number(1, 3)}",
    )
    for name in ("low", "top"):
        if dice.chance(70):
            lines.append(["modify", "qos", name, "set", dice.one(*limits)])
    for account, parent in (("phys", "root"), ("chem", "root"), ("sub", "phys")):
        words = ["add", "account", account, f"parent={parent}", f"fairshare={dice.number(1, 9)}"]
        if dice.chance(50):
            words.append(f"GrpTRES=cpu={dice.number(3, 8)}")
        if dice.chance(30):
            words.append(f"GrpJobs={dice.number(1, 4)}")
        if dice.chance(30):
            words.append(f"MaxJobs={dice.number(1, 3)}")
        if dice.chance(20):
            words.append(f"MaxTRESPerJob=cpu={dice.number(2, 4)}")
        if dice.chance(20):
            words.append(f"GrpTRESMins=cpu={dice.one(60, 200, 1000)}")
        lines.append(words)
        lines.append(["modify", "account", account, "set", "qos=normal,low,top"])
    for user, account in (
        ("daemon", "phys"),
        ("bin", "phys"),
        ("games", "chem"),
        ("mail", "sub"),
        ("daemon", "chem"),
        ("root", "chem"),
    ):
        words = ["add", "user", user, f"account={account}", f"fairshare={dice.number(1, 5)}"]
        if dice.chance(20):
            words.append(f"MaxJobs={dice.number(1, 2)}")
        lines.append(words)
    return lines


def scenario(seed, cluster):
    """Submits for a cluster: a list of {"user", "args"}; "{j0}" stands for the id of the first."""
    dice = Dice("scenario", cluster["seed"], seed)
    kinds = set(cluster["kinds"])
    jobs = []
    for index in range(dice.number(3, 14)):
        args = []
        sizes(dice, kinds, cluster, args)
        memory(dice, cluster, args)
        where(dice, kinds, cluster, args)
        devices(dice, kinds, cluster, args)
        args.append(f"-t{dice.one(10, 20, 30, 60, 120, 240)}")
        order(dice, cluster, index, args)
        others(dice, kinds, args)
        jobs.append({"user": owner(dice, kinds, args), "args": args})
    made = {"seed": seed, "jobs": jobs}
    if "reservations" in kinds:
        made["reservations"] = reservations_of(dice, cluster)
    return made


def reservations_of(dice, cluster):
    """What scontrol is told before the submits: one that is active, one that is to come."""
    nodes = [node["name"] for node in cluster["nodes"]]
    first = nodes[dice.number(0, len(nodes) - 1)]
    second = nodes[dice.number(0, len(nodes) - 1)]
    return [
        {"name": "r1", "words": ["starttime=now", "duration=300", f"nodes={first}", "users=root"]},
        {
            "name": "r2",
            "words": [
                f"starttime=now+{dice.one(25, 45, 90)}minutes",
                "duration=60",
                f"nodes={second}",
                dice.one("users=daemon", "users=root"),
                "flags=ignore_jobs" + dice.one("", ",maint", ",overlap"),
            ],
        },
    ]


def sizes(dice, kinds, cluster, args):
    most = max(n["sockets"] * n["cores"] * n["threads"] for n in cluster["nodes"])
    form = dice.number(1, 100)
    if form <= 40:
        args += ["-N1", f"-n{dice.number(1, most)}"]
    elif form <= 65:
        args.append(f"-N{dice.number(1, min(4, len(cluster['nodes'])))}")
        args.append(f"--ntasks-per-node={dice.number(1, max(1, most // 2))}")
    elif form <= 75:
        args.append(f"-N{dice.number(1, 4)}")
    elif form <= 85:
        args += ["-N1", f"-n{dice.number(1, 3)}", f"-c{dice.number(1, max(1, most // 2))}"]
    elif form <= 90:
        # How many nodes these get, and how many tasks each, is the scheduler's choice.
        args.append(f"-n{dice.number(1, most)}")
    elif form <= 95:
        args += ["-N1", f"-n{dice.number(1, 2)}", f"--mincpus={dice.number(1, most)}"]
    else:
        low = dice.number(1, 2)
        args.append(f"-N{low}-{dice.number(low, 4)}")
    if dice.chance(8):
        args.append("--exclusive")
    if "smt" in kinds and dice.chance(25):
        args.append(
            dice.one(
                "--threads-per-core=1",
                "--hint=nomultithread",
                "--ntasks-per-core=1",
                "--threads-per-core=2",
            )
        )
    if "sockets" in kinds and dice.chance(25):
        args.append(
            dice.one(
                "--sockets-per-node=2",
                "--cores-per-socket=4",
                "--ntasks-per-socket=1",
                "--ntasks-per-socket=2",
                "--cores-per-socket=2",
            )
        )


def memory(dice, cluster, args):
    most = max(n["memory"] for n in cluster["nodes"])
    form = dice.number(1, 100)
    if form <= 15:
        args.append(f"--mem={dice.number(1, most // 100) * 100}")
    elif form <= 30:
        args.append(f"--mem-per-cpu={dice.number(1, 8) * 100}")


def where(dice, kinds, cluster, args):
    names = [part["name"] for part in cluster["partitions"]]
    if len(names) > 1 and dice.chance(60):
        args.append("-p" + ",".join(dice.some(names)))
    if "features" in kinds and dice.chance(40):
        args.append(
            "-C"
            + dice.one(
                "fast", "ib", "big", "fast&ib", "fast|ib", "[fast|big]", "fast&big", "ib|big"
            )
        )
    # In the reference's builtin scheduler others overtake who waits for named nodes.
    if cluster["mode"] != "builtin" and dice.chance(8):
        args.append(f"-wn{dice.number(1, len(cluster['nodes']))}")
    elif dice.chance(8):
        args.append(f"-xn{dice.number(1, len(cluster['nodes']))}")
    if "topology" in kinds and dice.chance(25):
        args.append(f"--switches={dice.number(1, 2)}")
    if "topology" in kinds and dice.chance(10):
        args.append("--contiguous")
    if "prefer" in kinds and dice.chance(15):
        args.append("--prefer=" + dice.one("fast", "ib", "big"))


def devices(dice, kinds, cluster, args):
    if "gres" not in kinds or not dice.chance(45):
        return
    count = dice.number(1, max(n["gpus"] for n in cluster["nodes"]))
    form = dice.number(1, 100)
    if form <= 45:
        args.append(f"--gres=gpu:{count}")
    elif form <= 60:
        args.append(f"--gpus-per-node={count}")
    elif form <= 75:
        args.append(f"--gpus={count}")
    elif form <= 85:
        args.append(f"--gpus-per-task={dice.number(1, 2)}")
        if not any(word.startswith(("-n", "-N")) for word in args):
            args.append("-n1")
    elif form <= 93:
        args += [f"--gpus={count}", f"--cpus-per-gpu={dice.number(1, 2)}"]
    else:
        args += [f"--gpus-per-node={count}", f"--mem-per-gpu={dice.number(1, 4) * 100}"]


def order(dice, cluster, index, args):
    # The reference's builtin scheduler has no regard for --nice.
    if cluster["mode"] != "builtin" and dice.chance(20):
        args.append(f"--nice={dice.number(1, 5) * 100}")
    if index and dice.chance(6):
        args.append(
            dice.one("-dafterany:", "-dafter:", "-dafterok:", "-dafternotok:")
            + f"{{j{dice.number(0, index - 1)}}}"
        )
    if dice.chance(3):
        args.append("-H")
    if dice.chance(2):
        args.append("--begin=now+1hour")
    if dice.chance(5):
        args.append(f"-a1-{dice.number(2, 4)}" + dice.one("", "%1"))


def others(dice, kinds, args):
    if "licenses" in kinds and dice.chance(40):
        args.append(f"-L{dice.one('matlab:1', 'matlab:2', 'ansys:1', 'matlab,ansys')}")
    if "reservations" in kinds and dice.chance(30):
        args.append(f"--reservation={dice.one('r1', 'r2')}")
    if "sharing" in kinds and dice.chance(20):
        args.append(dice.one("-s", "--exclusive=user", "-O", "--spread-job", "--use-min-nodes"))


def owner(dice, kinds, args):
    if "accounts" not in kinds:
        return "root"
    user = dice.one("daemon", "bin", "games", "mail", "root")
    if user == "daemon" and dice.chance(50):
        args.append("-Achem")
    elif dice.chance(5):
        args.append("-Aphys")
    if dice.chance(40):
        args.append(f"--qos={dice.one('low', 'top')}")
    return user


# Which subjects the shapes have, in turn: first each alone, then together.
SUBJECTS = (
    (),
    ("features",),
    ("partitions",),
    ("gres",),
    ("smt",),
    ("accounts",),
    ("licenses",),
    ("features", "partitions"),
    ("gres", "features"),
    ("sockets", "smt"),
    ("reservations",),
    ("sharing",),
    ("accounts", "partitions"),
    ("topology",),
    ("features", "prefer"),
)


def plain_nodes(count):
    """Equal nodes, for what is not about nodes."""
    facts = {"sockets": 1, "cores": 4, "threads": 1, "memory": 2000, "features": ""}
    return [{"name": f"n{at + 1}", **facts, "weight": 1, "gpus": 0} for at in range(count)]
