#!/usr/bin/env python3
"""`sshare` and `sprio` on equal trees of accounts with equal usage: what the reference prints,
letter by letter.

    shares.py record [--seeds N]   on the reference (needs slurm-wlm and root; a few minutes), into
                                   shares.json
    shares.py replay               Sluice alone against what was written down

By seed: accounts below accounts, users with shares, limits and partitions of their own, QOS. On the
reference users then run `sleep`, so that they have used something; that usage is written down and
given to Sluice through its store. Jobs that wait on drained nodes are what sprio tells about.
Sizes, shares, limits and priorities come from the seed; usage doesn't decay and no factor depends
on time. What may differ stands in known_shares_differences.txt: a regular expression for
"@SEED COMMAND: THE REFERENCE'S LINE <> OURS", two spaces, the reason.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import sqlite3
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "scheduling"))
sys.path.insert(0, str(HERE.parent / "cluster"))
import generate  # noqa: E402
import harness  # noqa: E402
import systems  # noqa: E402

RECORDED = HERE / "shares.json"
KNOWN = HERE / "known_shares_differences.txt"
PEOPLE = ("daemon", "bin", "games", "mail", "news", "sys")
ACCOUNTS = ("phys", "chem", "bio", "sub1", "sub2")
WEIGHTS = {"Fairshare": 100000, "JobSize": 3000, "Partition": 2000, "QOS": 5000, "Assoc": 700}
TRES_WEIGHTS = "cpu=1500,mem=400"
# The reference adds usage up once in PriorityCalcPeriod.
CALC_S = 62
NODES = 4


def shape(seed):
    """A cluster of equal nodes and the tree that sacctmgr is told to make."""
    dice = generate.Dice("shares", seed)
    facts = {"sockets": 1, "cores": 16, "threads": 1, "memory": 4000, "features": ""}
    nodes = [{"name": f"n{at + 1}", **facts, "weight": 1, "gpus": 0} for at in range(NODES)]
    return {
        "seed": seed,
        "kinds": [],
        "mode": "mixed",
        "unit": "core",
        "nodes": nodes,
        "partitions": [
            {"name": "batch", "nodes": "ALL", "default": True, "job_factor": 3},
            {"name": "high", "nodes": "n[1-2]", "job_factor": 12},
        ],
        "accounts": tree(dice),
    }


def share(dice, parents):
    return "parent" if dice.chance(parents) else dice.number(0, 9)


def tree(dice):
    lines = [["add", "qos", "low", "priority=10"], ["add", "qos", "top", "priority=45"]]
    made = ["root"]
    for name in ACCOUNTS:
        words = ["add", "account", name, f"parent={dice.one(*made)}"]
        words.append(f"fairshare={share(dice, 15)}")
        if dice.chance(30):
            words.append(f"GrpTRESMins=cpu={dice.number(100, 9000)}")
        lines += [words, ["modify", "account", name, "set", "qos=normal,low,top"]]
        made.append(name)
    for user in PEOPLE:
        for account in dice.some(ACCOUNTS)[:2]:
            words = ["add", "user", user, f"account={account}", f"fairshare={share(dice, 10)}"]
            words.append(f"priority={dice.number(1, 99)}")
            if dice.chance(10):
                words.append("partition=high")
            lines.append(words)
    return lines


def accounts_of(made):
    """{user: [(account, partition or "")]}"""
    found = {}
    for words in made["accounts"]:
        if words[:2] == ["add", "user"]:
            part = "high" if "partition=high" in words else ""
            found.setdefault(words[2], []).append((words[3].partition("=")[2], part))
    return found


def as_user(user, account, part, *words):
    return {"user": user, "args": [f"-A{account}", *([f"-p{part}"] if part else []), *words]}


def sleepers(made):
    """What is run so that something has been used: (submit, seconds)."""
    dice = generate.Dice("sleepers", made["seed"])
    found = []
    for user, places in accounts_of(made).items():
        for account, part in places:
            if dice.chance(70):
                seconds = dice.number(2, 30)
                found.append((as_user(user, account, part, f"-n{dice.number(1, 5)}"), seconds))
    return found


def waiting(made):
    dice = generate.Dice("waiting", made["seed"])
    found = []
    for user, places in accounts_of(made).items():
        account, part = dice.one(*places)
        part = part or dice.one("", "batch", "high")
        words = [f"-N{dice.number(1, 2)}", f"--ntasks-per-node={dice.number(1, 9)}"]
        words.append(f"--mem={dice.number(1, 30) * 100}")
        words.append(f"--qos={dice.one('normal', 'low', 'top')}")
        if dice.chance(40):
            words.append(f"--nice={dice.number(1, 40) * 10}")
        found.append(as_user(user, account, part, *words))
    return found


SHARE_FIELDS = (
    "account,user,partition,rawshares,normshares,rawusage,normusage,effectvusage,fairshare,levelfs"
)
PRIORITY_FIELDS = "%.9i|%.12r|%.8u|%Y|%S|%A|%a|%B|%b|%F|%f|%J|%j|%P|%p|%Q|%q|%N|%T|%t"
# Command lines, who types them.
LOOKS = (
    ("sshare", "root"),
    ("sshare -l", "root"),
    ("sshare -a", "root"),
    ("sshare -al", "root"),
    ("sshare -A phys", "root"),
    ("sshare -a -A phys,sub1", "root"),
    ("sshare -l -a -A chem", "root"),
    ("sshare -u daemon", "root"),
    ("sshare -l -u daemon,games", "root"),
    ("sshare -m", "root"),
    ("sshare -a -m", "root"),
    ("sshare -l -m -u bin", "root"),
    ("sshare -alP", "root"),
    ("sshare -alp", "root"),
    ("sshare -anh", "root"),
    ("sshare -n -a", "root"),
    (f"sshare -a -P -o {SHARE_FIELDS}", "root"),
    ("sshare -a -o account%12,user%-8,rawusage%20,grptresmins,tresrunmins%30", "root"),
    ("sshare", "daemon"),
    ("sshare -U", "daemon"),
    ("sshare -U -l", "bin"),
    ("sshare -l", "games"),
    ("sprio", "root"),
    ("sprio -l", "root"),
    ("sprio -w", "root"),
    ("sprio -wl", "root"),
    ("sprio -n", "root"),
    ("sprio -nl", "root"),
    ("sprio -h -l", "root"),
    ("sprio -u daemon,games", "root"),
    ("sprio -l -u bin", "root"),
    ("sprio -p high", "root"),
    ("sprio -l -p batch", "root"),
    ("sprio -l -S -i", "root"),
    ("sprio -l -S u,-y", "root"),
    (f"sprio -o {PRIORITY_FIELDS}", "root"),
    (f"sprio -h -n -o {PRIORITY_FIELDS}", "root"),
    ("sprio -h -o %i|%y", "root"),
    ("sprio -l", "mail"),
)


class Oracle(systems.Oracle):
    def arguments(self):
        words = super().arguments()
        for at in reversed(range(len(words))):
            if str(words[at]).startswith("PriorityWeight"):
                del words[at - 1 : at + 1]
        lines = [
            "PriorityCalcPeriod=1",
            "PriorityDecayHalfLife=0",
            "PriorityUsageResetPeriod=YEARLY",
        ]
        lines.append(f"PriorityWeightTRES={TRES_WEIGHTS}")
        lines += [f"PriorityWeight{name}={value}" for name, value in WEIGHTS.items()]
        for line in lines:
            words += ["--config-line", line]
        return words


class Sluice(systems.Sluice):
    """With what was used: the controller finds it in its store."""

    def __init__(self, made, usage, first_id):
        super().__init__(made)
        self.usage, self.first_id = usage, first_id

    def configuration(self):
        lines = [f"first_job_id: {self.first_id}", "priority_type: priority/multifactor"]
        lines.append("priority_decay_half_life: 0")
        lines.append("accounting_storage_enforce: associations,limits,qos")
        lines.append(f"priority_weight_tres: {TRES_WEIGHTS}")
        for name, value in WEIGHTS.items():
            key = {"JobSize": "job_size"}.get(name, name.lower())
            lines.append(f"priority_weight_{key}: {value}")
        return systems.sluice_config({**self.shape, "accounts": []}) + "\n".join(lines) + "\n"

    def __enter__(self):
        super().__enter__()
        ids = self.associations()
        self.cluster.kill("controller", 15)
        with sqlite3.connect(self.cluster.dir / "controller/state/sluice.db") as store:
            for key, raw in self.usage.items():
                values = (ids[key], usage_row(ids[key], raw))
                store.execute("INSERT OR REPLACE INTO usage VALUES (?, 0, ?)", values)
        self.cluster.up()
        return self

    def associations(self):
        """{"account/user/partition": id}"""
        fields = "format=account,user,partition,id"
        lines = self.must("sacctmgr", "-n", "-P", "list", "assoc", fields).split("\n")
        words = [line.split("|") for line in lines if line]
        return {f"{account}/{user}/{part}": int(number) for account, user, part, number in words}


def varint(number):
    """As Protocol Buffers write it."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def usage_row(association, raw):
    """UsageRecord with its fields association and raw."""
    return b"\x08" + varint(association) + b"\x18" + varint(2 * raw)


def usage_of(system):
    """{"account/user/partition": RawUsage}"""
    fields = "account,user,partition,rawusage"
    text = system.must("sshare", "-a", "-n", "-P", "-m", "-o", fields)
    found = {}
    for line in text.split("\n"):
        if line:
            account, user, part, raw = line.split("|")
            found[f"{account.strip()}/{user}/{part}"] = int(raw)
    return found


def drained(system):
    names = ",".join(node["name"] for node in system.shape["nodes"])
    system.must("scontrol", "update", f"nodename={names}", "state=drain", "reason=test")


def looks(system, first_id):
    """[[command line, user, exit status, stdout, stderr]]"""
    lines = [*LOOKS, (f"sprio -j {first_id + 1},{first_id + 3}", "root"), ("sprio -j 1", "root")]
    found = []
    for line, user in lines:
        done = system.run(*line.split(), user=user)
        found.append([line, user, done.returncode, done.stdout, done.stderr])
    return found


def submitted(system, jobs):
    refused, ids = system.submit(jobs)
    harness.check(not refused, f"refused: {refused}")
    return [int(ids[f"j{at}"]) for at in range(len(jobs))]


def record(seed):
    """{"shape", "usage", "first_id", "looks"} of the reference."""
    made = shape(seed)
    with Oracle(made) as system:
        for job, seconds in sleepers(made):
            words = ["-o", "/dev/null", "-D", "/", *job["args"], "--mem=10", "--wrap"]
            system.must("sbatch", *words, f"sleep {seconds}", user=job["user"])
        harness.wait_for(lambda: not system.must("squeue", "-h"), 200, "the end of the jobs")
        time.sleep(CALC_S)
        drained(system)
        ids = submitted(system, waiting(made))
        usage = usage_of(system)
        found = looks(system, ids[0])
    return {"shape": made, "usage": usage, "first_id": ids[0], "looks": found}


def replay(recorded):
    """What Sluice says to the same."""
    made = recorded["shape"]
    with Sluice(made, recorded["usage"], recorded["first_id"]) as system:
        drained(system)
        submitted(system, waiting(made))
        return looks(system, recorded["first_id"])


def rules():
    found = []
    for line in KNOWN.read_text().split("\n"):
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            found.append((re.compile(pattern), reason))
    return found


def told(looked):
    """A look as it is compared: what is behind the last column of a row isn't seen."""
    _, _, status, stdout, stderr = looked
    return status, [line.rstrip() for line in stdout.split("\n")], stderr


def is_meant(meant, seed, theirs, mine):
    """Whether each line that differs is so for a reason, and nothing else does."""
    expected, got = told(theirs), told(mine)
    if expected[0] != got[0] or expected[2] != got[2] or len(expected[1]) != len(got[1]):
        return False
    lines = [
        f"@{seed} {theirs[0]}: {here} <> {there}"
        for here, there in zip(expected[1], got[1])
        if here != there
    ]
    return all(any(pattern.search(line) for pattern, _ in meant) for line in lines)


def report(recorded, ours, meant):
    """(alike, listed, wrong)"""
    counts = [0, 0, 0]
    seed = recorded["shape"]["seed"]
    for theirs, mine in zip(recorded["looks"], ours):
        if told(theirs) == told(mine):
            counts[0] += 1
            continue
        if is_meant(meant, seed, theirs, mine):
            counts[1] += 1
            continue
        counts[2] += 1
        print(f"{seed}: {theirs[1]}: {theirs[0]}")
        print(f"   exit {theirs[2]}, Sluice {mine[2]}; {theirs[4]!r}, {mine[4]!r}")
        pairs = list(zip(told(theirs)[1] + [""] * 99, told(mine)[1] + [""] * 99))
        for expected, got in [pair for pair in pairs if pair[0] != pair[1]][:6]:
            print(f"   {expected}\n   {got}   <- Sluice")
    return counts


def do_record(arguments):
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    with concurrent.futures.ThreadPoolExecutor(arguments.width) as pool:
        recorded = list(pool.map(record, seeds))
    blocks = []
    for entry in recorded:
        lines = ",\n".join(json.dumps(look) for look in entry["looks"])
        head = json.dumps({key: value for key, value in entry.items() if key != "looks"})
        blocks.append(f'{head[:-1]}, "looks": [\n{lines}]}}')
    pathlib.Path(arguments.file).write_text("[\n" + ",\n".join(blocks) + "\n]\n")
    return 0


def do_replay(arguments):
    recorded = json.loads(pathlib.Path(arguments.file).read_text())[: arguments.seeds]
    begun, totals, meant = time.monotonic(), [0, 0, 0], rules()
    with concurrent.futures.ThreadPoolExecutor(arguments.width) as pool:
        for entry, ours in zip(recorded, pool.map(replay, recorded)):
            counts = report(entry, ours, meant)
            totals = [a + b for a, b in zip(totals, counts)]
    seconds = time.monotonic() - begun
    print(
        f"{len(recorded)} trees in {seconds:.0f} s: {totals[0]} outputs alike,"
        f" {totals[1]} differ as listed, {totals[2]} wrong"
    )
    return 1 if totals[2] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("record", "replay"))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--width", type=int, default=4, help="clusters side by side")
    parser.add_argument("--file", default=RECORDED, help="what the reference printed")
    arguments = parser.parse_args()
    if os.geteuid() != 0:  # the trees are of several users
        print("needs root: nothing was tried")
        return
    sys.exit(do_record(arguments) if arguments.what == "record" else do_replay(arguments))


if __name__ == "__main__":
    main()
