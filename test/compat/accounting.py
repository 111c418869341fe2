#!/usr/bin/env python3
"""Random trees of accounts, by seed: sacctmgr has to say the same on both systems.

    accounting.py compare [--seeds N] [--first SEED]   both systems (needs slurm-wlm and root);
                                                       --record writes down what the reference said
    accounting.py replay                               Sluice alone against what was written down

The same commands, right and wrong ones, go to the reference and to Sluice; what they print, their
exit codes, what is there afterwards and the dump are compared. What may differ stands in
known_accounting_differences.txt: a regular expression for the command, two spaces, the reason.
"""
import argparse
import json
import os
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "scheduling"))
sys.path.insert(0, str(HERE.parent / "cluster"))
import generate  # noqa: E402
import systems  # noqa: E402
import trees  # noqa: E402

RECORDED = HERE / "accounting.json"
KNOWN = HERE / "known_accounting_differences.txt"
SHAPE = {
    "seed": 0,
    "kinds": [],
    "mode": "mixed",
    "unit": "core",
    "nodes": generate.plain_nodes(2),
    "partitions": [
        {"name": "batch", "nodes": "ALL", "default": True},
        {"name": "high", "nodes": "n1"},
    ],
    "accounts": [],
}


def told(system, line):
    """What a command line of sacctmgr prints, in a form that does not depend on time and place."""
    done = system.run("sacctmgr", *line.split())
    lines = [text.rstrip() for text in done.stdout.split("\n")]
    if re.match(r"-i (modify|delete) ", line):  # associations are told in no order
        lines = sorted(lines)
    errors = [text.rstrip() for text in done.stderr.split("\n")]
    return {"exit": done.returncode, "stdout": lines, "stderr": errors}


def emptied(system):
    system.run("sacctmgr", "-i", "delete", "user", "name=" + ",".join(trees.PEOPLE))
    for _ in range(4):  # parents refuse to go before their children
        for name in trees.ACCOUNTS:
            system.run("sacctmgr", "-i", "delete", "account", name)
    system.run("sacctmgr", "-i", "delete", "qos", ",".join(trees.QUALITIES))
    system.run("sacctmgr", "-i", "modify", "cluster", "set", "qos=normal")


def dumped(system):
    path = system.work / "dump.cfg"
    path.unlink(missing_ok=True)
    system.run("sacctmgr", "dump", "oracle", f"file={path}")
    if not path.exists():
        return ["no file"]
    # The reference writes the number that stands for "parent", and of a list of QOS that was
    # changed until nothing was left the changes instead of the list; loading it gives the same.
    text = path.read_text().replace("Fairshare=2147483647", "Fairshare=parent")
    text = re.sub(r"QOS='-[-\w,]*'", "QOS=''", text)
    return [line for line in text.split("\n") if not line.startswith("#")]


def play(system, seed):
    """[(what, outcome)] of a seed's commands and of the looks that follow."""
    emptied(system)
    found = [(line, told(system, f"-i {line}")) for line in trees.commands(seed)]
    found += [(line, told(system, line)) for line in trees.LOOKS]
    found.append(("dump", {"text": dumped(system)}))
    return found


def known():
    rules = []
    for line in KNOWN.read_text().split("\n"):
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            rules.append((re.compile(pattern), reason))
    return rules


def report(seed, theirs, ours, verbose):
    """Prints what differs; returns how many commands do so without a reason."""
    rules, wrong = known(), 0
    for (line, expected), (_, got) in zip(theirs, ours):
        if expected == got:
            continue
        if any(pattern.search(line) or pattern.search(f"@{seed} {line}") for pattern, _ in rules):
            continue
        wrong += 1
        print(f"{seed}: sacctmgr {line}")
        for key in expected:
            if expected[key] != got[key]:
                print(f"   {key}: {expected[key]}\n   Sluice: {got[key]}")
        if not verbose and wrong >= 6:
            print("   …")
            break
    return wrong


def do_compare(arguments):
    wrong, count, recorded = 0, 0, {}
    with systems.Oracle(SHAPE) as oracle, systems.Sluice(SHAPE) as sluice:
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            theirs, ours = play(oracle, seed), play(sluice, seed)
            recorded[seed] = theirs
            count += len(theirs)
            wrong += report(seed, theirs, ours, arguments.verbose)
    if arguments.record:
        lines = [f"{json.dumps(str(seed))}: {json.dumps(told)}" for seed, told in recorded.items()]
        RECORDED.write_text("{" + ",\n".join(lines) + "}\n")
    return arguments.seeds, count, wrong


def do_replay(arguments):
    wrong, count = 0, 0
    recorded = json.loads(RECORDED.read_text())
    with systems.Sluice(SHAPE) as sluice:
        for seed, theirs in recorded.items():
            count += len(theirs)
            wrong += report(seed, theirs, play(sluice, seed), arguments.verbose)
    return len(recorded), count, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("compare", "replay"))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    if os.geteuid() != 0:  # the trees are of several users
        print("needs root: nothing was tried")
        return
    begun = time.monotonic()
    run = do_compare if arguments.what == "compare" else do_replay
    trees_played, count, wrong = run(arguments)
    seconds = time.monotonic() - begun
    print(f"{trees_played} trees, {count} commands in {seconds:.0f} s: {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
