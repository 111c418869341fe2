#!/usr/bin/env python3
"""A life of jobs of every fate, really run: sacct has to tell the same of it on both systems.

    lives.py compare   both systems (needs slurm-wlm and root); --record writes down what the
                       reference said; --keep FILE keeps what both said
    lives.py replay    the same life in Sluice alone, against what was written down

What the life is made of, and the questions, are in scheduling/lived.py. Ids are told by the names
of jobs; times, lengths and amounts of use are compared by their form only, all else field by field.
What may differ stands in known_lives_differences.txt: a regular expression for
"COMMAND | ROW | COLUMN: reference -> Sluice", two spaces, the reason.
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
import documents  # noqa: E402
import lived  # noqa: E402
import systems  # noqa: E402

RECORDED = HERE / "lives.json"
KNOWN = HERE / "known_lives_differences.txt"


class Oracle(systems.Oracle):
    names = lived.FORMER

    def arguments(self):
        words = super().arguments()
        for line in (
            "FirstJobId=5001",
            "TrackWCKey=yes",
            "AccountingStorageTRES=gres/gpu",
            "AccountingStoreFlags=job_comment,job_env,job_script",
        ):
            words += ["--config-line", line]
        return words


class Sluice(systems.Sluice):
    names = {}

    def configuration(self):
        return super().configuration() + "accounting_storage_tres: gres/gpu\nfirst_job_id: 5001\n"


class Told:
    """What commands print, with names for ids."""

    def __init__(self, life):
        self.life = life
        self.names = {number: name for name, number in life.ids.items()}
        rows = life.system.must(
            *("sacct", "-a", "-D", "-X", "-n", "-P", "-S", life.moments["m0"]),
            *("-o", "JobIDRaw,JobID,JobName"),
        )
        for row in rows.split("\n"):
            if row:
                raw, shown, name = row.split("|", 2)
                self.add(raw, shown, name)

    def add(self, raw, shown, name):
        base = re.split(r"[_+]", shown)[0]
        self.names.setdefault(base, name)
        tail = shown[len(base) :]
        if raw != base:
            self.names[raw] = f"{name}{tail}"

    def named(self, text):
        def name(found):
            return self.names.get(found.group(0), found.group(0))

        return re.sub(r"(?<![\w:.])\d+(?=$|[._+;|\s:])", name, text)

    def __call__(self, line):
        fields = ",".join(self.life.system.names.get(f, f) for f in lived.FIELDS.split(","))
        line = line.replace("-o ALL", "-o " + fields)
        words = [self.life.filled(word) for word in line.split(" ") if word]
        done = self.life.system.run(*words)
        moments = {value: key for key, value in self.life.moments.items()}
        text = done.stdout
        for value, key in moments.items():
            text = text.replace(value, key)
        if "--json" in words:
            return {"exit": done.returncode, "facts": self.facts(done.stdout)}
        if "--yaml" in words:  # the reference's has types before each value
            return {"exit": done.returncode, "is": text.lstrip("%").startswith(("YAML", '"jobs":'))}
        return {
            "exit": done.returncode,
            "rows": self.rows(text, words),
            "stderr": [self.named(part) for part in done.stderr.split("\n") if part],
        }

    def rows(self, text, words):
        lines = [part for part in text.split("\n") if part]
        if "-B" in words:
            return [self.named(part) for part in lines]
        if "-P" not in words or "--delimiter=;" in words or "-n" in words or not lines:
            return sorted(self.shaped(part) for part in lines)
        former = {old: new for new, old in self.life.system.names.items()}
        columns = [former.get(name, name) for name in lines[0].split("|")]
        rows = []
        for part in lines[1:]:
            values = part.split("|")
            rows.append(
                [lived.masked(column, self.cell(column, v)) for column, v in zip(columns, values)]
            )
        key = [columns.index(c) for c in ("JobName", "JobID", "State") if c in columns]
        return [columns, *sorted(rows, key=lambda row: [row[at] for at in key])]

    def facts(self, text):
        """[[job or step, fact, value]] of a document, of either layout."""
        found = []
        for job in json.loads(text)["jobs"]:
            name = self.names.get(str(job["job_id"]), str(job["job_id"]))
            found += [[name, key, value] for key, value in documents.job_facts(job).items()]
            for step in job["steps"]:
                number = documents.step_number(step)
                facts = documents.step_facts(step).items()
                found += [[f"{name}.{number}", key, value] for key, value in facts]
        return sorted(found, key=json.dumps)

    def cell(self, column, value):
        if column in ("JobID", "JobIDRaw", "SubmitLine"):
            return self.named(value)
        return value

    def shaped(self, line):
        """A line in columns of fixed width, or without a header."""
        line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "time", line)
        return self.named(line)


def play(system):
    life = lived.live(system)
    told = Told(life)
    found = [(line, told(line)) for line in lived.questions()]
    lived.end(life)
    return found


def differences(line, theirs, ours):
    """["ROW | COLUMN: reference -> Sluice"]"""
    if theirs == ours:
        return []
    found = []
    for key in theirs:
        if theirs[key] == ours[key]:
            continue
        if key != "rows" or not theirs[key] or not isinstance(theirs[key][0], list):
            found += plain_differences(key, theirs[key], ours[key])
            continue
        found += row_differences(theirs[key], ours[key])
    return [f"{line} | {each}" for each in found]


def plain_differences(key, theirs, ours):
    if key == "facts":
        left, right = (
            {(row, fact, str(value)) for row, fact, value in side} for side in (theirs, ours)
        )
        lost = [f"{row} | {fact} - {value}" for row, fact, value in sorted(left - right)]
        return lost + [f"{row} | {fact} + {value}" for row, fact, value in sorted(right - left)]
    if not isinstance(theirs, list):
        return [f"{key}: {theirs!r} -> {ours!r}"]
    lost = [f"{key} - {each}" for each in theirs if each not in ours]
    return lost + [f"{key} + {each}" for each in ours if each not in theirs] or [f"{key}: order"]


def row_differences(theirs, ours):
    columns = theirs[0]
    if not ours or ours[0] != columns:
        return [f"columns: {columns} -> {ours[:1]}"]
    at = columns.index("JobID")
    state = columns.index("State") if "State" in columns else at

    def keyed(rows):
        """By id; attempts of one in the order of their states, where a lost one was cancelled."""
        found = {}
        for row in sorted(rows[1:], key=lambda row: row[state].replace("NODE_FAIL", "CANCELLED")):
            name = row[at]
            found[(name, sum(1 for key in found if key[0] == name))] = row
        return found

    left, right = keyed(theirs), keyed(ours)
    found = [f"{key[0]} missing" for key in left if key not in right]
    found += [f"{key[0]} too much" for key in right if key not in left]
    for key, row in left.items():
        for column, expected, got in zip(columns, row, right.get(key, row)):
            if expected != got:
                found.append(f"{key[0]} | {column}: {expected!r} -> {got!r}")
    return found


def known():
    rules = []
    for line in KNOWN.read_text().split("\n"):
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            rules.append((re.compile(pattern), reason))
    return rules


def report(theirs, ours):
    rules, wrong = known(), 0
    for (line, expected), (_, got) in zip(theirs, ours):
        open_ = [
            each
            for each in differences(line, expected, got)
            if not any(pattern.search(each) for pattern, _ in rules)
        ]
        wrong += bool(open_)
        for each in open_:
            print(each)
    return wrong


def do_compare(arguments):
    with Oracle(lived.SHAPE) as oracle:
        theirs = play(oracle)
    with Sluice(lived.SHAPE) as sluice:
        ours = play(sluice)
    if arguments.keep:
        pathlib.Path(arguments.keep).write_text(json.dumps([theirs, ours]))
    if arguments.record:
        lines = ",\n".join(json.dumps(found) for found in theirs)
        RECORDED.write_text(f"[{lines}]\n")
    return len(theirs), report(theirs, ours)


def do_replay(arguments):
    theirs = json.loads(RECORDED.read_text())
    with Sluice(lived.SHAPE) as sluice:
        ours = play(sluice)
    if arguments.keep:
        pathlib.Path(arguments.keep).write_text(json.dumps([theirs, ours]))
    return len(theirs), report(theirs, ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("compare", "replay"))
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    parser.add_argument("--keep", metavar="FILE")
    arguments = parser.parse_args()
    if os.geteuid() != 0:  # jobs of several users
        print("needs root: nothing was tried")
        return
    os.environ["TZ"] = "UTC"
    begun = time.monotonic()
    run = do_compare if arguments.what == "compare" else do_replay
    count, wrong = run(arguments)
    print(f"{count} questions in {time.monotonic() - begun:.0f} s: {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
