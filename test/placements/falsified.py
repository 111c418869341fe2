#!/usr/bin/env python3
"""The checker of placements can fail: what `sluice sim` writes is sound, and each of many small
falsifications, of what was written or of what was asked for, is found by the right comparison.
"""
import csv
import pathlib
import re
import shutil
import tempfile

import check_placements
import placements
from harness import check, main

SEED = 2
sound, work = None, None


class Case:
    """A copy of the replay and its files, to be falsified."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=work))
        shutil.copytree(sound.log.parent, self.folder, dirs_exist_ok=True)
        names = (sound.log, sound.config, sound.accounts, sound.placements)
        self.files = placements.Files(*(self.folder / path.name for path in names))
        with open(self.files.placements, encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file, delimiter="\t"))
        self.log = self.files.log.read_text().split("\n")

    def asked(self, row):
        return self.log[int(row["id"]) - 1]

    def placed(self, words="", **wanted):
        """Rows of stretches that were asked for with such words (a regular expression)."""
        for row in self.rows:
            good = row["start"] and re.search(words, self.asked(row))
            if good and all(row[key] == value for key, value in wanted.items()):
                yield row

    def first(self, words="", **wanted):
        return next(self.placed(words, **wanted))

    def of(self, row):
        """All rows of the same stretch."""
        return [r for r in self.rows if all(r[k] == row[k] for k in ("job", "run", "start"))]

    def asks(self, row, old, new):
        number = int(row["id"]) - 1
        check(re.search(old, self.log[number]), f"{old} isn't in {self.log[number]}")
        self.log[number] = re.sub(old, new, self.log[number])

    def edit(self, name, old, new):
        path = self.folder / name
        check(re.search(old, path.read_text()), f"{old} isn't in {name}")
        path.write_text(re.sub(old, new, path.read_text()))

    def must_be_found(self, *whats):
        with open(self.files.placements, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.rows[0].keys(), delimiter="\t")
            writer.writeheader()
            writer.writerows(self.rows)
        self.files.log.write_text("\n".join(self.log))
        found = check_placements.check(self.files).findings.wrong
        shutil.rmtree(self.folder)
        for what in whats:
            check(what in found, f"not found: {what}; but: {dict(found)}")


def later(text, seconds):
    return f"{float(text) + seconds:.3f}"


def sound_placements_are_sound():
    findings = check_placements.check(sound).findings
    check(findings.sound, findings.text())
    check(sum(findings.looked.values()) > 5000, "little was compared")


def another_node(words, other, what, **wanted):
    case = Case()
    row = case.first(words, **wanted)
    check(other not in [r["node"] for r in case.of(row)], f"{row} has {other}")
    row["node"] = other
    case.must_be_found(what)


def wrong_nodes():
    another_node("", "z9", "nodes exist")
    another_node("-p few", "g1", "nodes are in the partition")
    another_node("new&east", "a1", "features as asked")
    case = Case()
    for row, node in zip(case.of(case.first(r"east\*2")), ("a1", "h1", "h2")):
        row["node"] = node
    case.must_be_found("features as asked")
    another_node("-w a2", "b4", "named nodes are there", node="a2")
    another_node(r"-x a\[1-6\]", "a1", "excluded nodes are not")
    case = Case()
    rows = case.of(case.first("--contiguous"))
    for row, node in zip(rows, ("a1", "a3", "a5", "b2")):
        row["node"] = node
    case.must_be_found("contiguous nodes")


def another_value(words, column, value, *whats, **wanted):
    """In all rows of the first stretch that was asked for so."""
    case = Case()
    for row in case.of(case.first(words, **wanted)):
        row[column] = value(row[column]) if callable(value) else value
    case.must_be_found(*whats)


def wrong_sizes():
    another_value("", "partition", "users", "partition as asked")
    another_value("-p few -N", "cpus", "8", "CPUs of a node as the partition allows")
    another_value("", "cpus", lambda text: str(int(text) + 1), "number of CPUs as asked")
    another_value("", "cpu_ids", "98-99", "numbers of CPUs are the node's")
    another_value("", "memory", lambda text: str(int(text) + 1), "memory as asked")
    another_value("", "memory", lambda text: str(int(text) - 1), "memory as asked")
    another_value("", "tasks", "0", "number of tasks as asked", "tasks of each node")
    case = Case()
    case.rows.remove(case.of(case.first("-N 3"))[1])
    case.must_be_found("number of nodes as asked")


def wrong_gpus():
    slow = "gres=gpu:slow"
    another_value(slow, "gres", "gpu:slow:1(IDX:7)", "GPUs are the node's, of its types")
    another_value(slow, "gres", "gpu:fast:1(IDX:0)", "GPUs are the node's, of its types")
    another_value(slow, "gres", "", "GPUs of each node as asked")
    another_value("--gpus=slow:3", "gres", "", "GPUs of the job as asked")
    case = Case()
    case.edit("slurm.conf", "gpu:slow:4", "gpu:slow:1")
    case.must_be_found("GPUs of nodes")


def wrong_switches():
    case = Case()
    case.edit("topology.conf", "SwitchName=top.*", "")
    case.must_be_found("nodes have a switch in common")
    case = Case()
    for row in case.placed(r"--switches=1(?!@)", run="1"):
        if float(row["start"]) - float(row["submit"]) < 300:
            case.of(row)[0]["node"] = "b4" if row["node"][0] == "a" else "a1"
    case.must_be_found("switches as asked")


def wrong_accounts():
    another_value("", "account", "industry", "account as asked", account="physics")
    another_value("--uid=dan", "qos", "high", "the QOS is the user's")
    another_value("-q high", "qos", "normal", "QOS as asked")
    another_value("-p urgent", "qos", "normal", "the QOS is allowed in the partition")
    case = Case()
    row = case.first("--uid=bob")
    case.asks(row, "job.sh", "--account=physics job.sh")
    row["account"] = "physics"
    case.must_be_found("the user is in the account")


def wrong_times():
    another_value("", "submit", "0.500", "submitted when the log says", id="20")
    case = Case()
    row = case.first(r"--begin=now\+1hour")
    for each in case.of(row):
        each["start"] = later(row["submit"], 3500)
    case.must_be_found("not before its time")
    another_value("-t 20", "limit", "21", "time limit as asked")
    another_value("-t 110", "limit", "600", "time limit as the partition allows")
    runs = "-sim-walltime [1-9]"
    another_value(runs, "end", lambda t: later(t, 5), "ran as long as it should", state="COMPLETED")
    another_value("", "end", lambda t: later(t, 1), "ran as long as it should", state="TIMEOUT")
    another_value("", "state", "COMPLETED", "ended at its limit, or by itself", state="TIMEOUT")
    another_value(runs, "state", "FAILED", "ended in a state that there is", state="COMPLETED")


def nobody_is_forgotten_and_nobody_runs_twice():
    case = Case()
    gone = case.of(case.first(state="COMPLETED"))
    case.rows = [row for row in case.rows if row not in gone]
    case.must_be_found("each submission has one end")
    case = Case()
    case.rows += [{**row, "run": "2"} for row in case.of(case.first(state="COMPLETED"))]
    case.must_be_found("one run after the other")
    case = Case()
    case.first()["id"] = "999"
    case.must_be_found("placed is what was submitted")
    case = Case()
    case.rows.append({**case.rows[0], "start": "", "state": "REFUSED"})
    case.must_be_found("each submission has one end")


def side_by_side(case):
    """Two rows of jobs on one node at the same time."""
    for one in case.placed():
        for other in case.placed(node=one["node"]):
            meet = float(other["start"]) < float(one["end"]) < float(other["end"])
            if other["job"] != one["job"] and meet and float(one["start"]) < float(other["start"]):
                yield one, other


def too_much_of_a_node():
    case = Case()
    one, other = next(
        pair
        for pair in side_by_side(case)
        if "both" not in (pair[0]["partition"], pair[1]["partition"])
    )
    other["cpu_ids"] = one["cpu_ids"]
    case.must_be_found("CPUs of nodes")
    case = Case()
    case.edit("slurm.conf", "RealMemory=16000", "RealMemory=4000")
    case.must_be_found("memory of nodes")
    for words, what in (
        ("--exclusive", "who wants a node for itself has it"),
        ("--exclusive=user", "who wants a node for its user has it"),
    ):
        case = Case()
        for one, other in side_by_side(case):
            if re.search("=ann", case.asked(one)) and not re.search("=ann", case.asked(other)):
                case.asks(one, "job.sh", f"{words} job.sh")
                break
        case.must_be_found(what)


def too_much_of_what_is_shared():
    case = Case()
    case.edit("slurm.conf", "matlab:5", "matlab:2")
    case.must_be_found("licences")
    another_value("-L matlab", "licenses", "", "licences as asked")
    case = Case()
    case.asks(case.first("--array=1-10"), "--array=1-10%3", "--array=1-10%1")
    case.must_be_found("tasks at once")


def dependencies():
    for kind in ("after", "afterok", "afterany"):
        case = Case()
        early, late = case.first("-n 1", run="1"), list(case.placed(run="1"))[-1]
        case.asks(early, "job.sh", f"--dependency={kind}:{late['job'].split('_')[0]} job.sh")
        case.must_be_found("dependencies")


def every_limit():
    limits = {
        "grptres": "GrpTRES=cpu=96",
        "grpjobs": "GrpJobs=12",
        "maxtres": "MaxTRES=cpu=32",
        "maxtrespernode": "MaxTRESPerNode=cpu=8",
        "maxtresperuser": "MaxTRESPerUser=node=8",
        "maxjobs": "MaxJobs=5",
        "maxjobsperuser": "MaxJobsPerUser=6",
        "maxsubmitjobs": "MaxSubmitJobs=40",
        "maxsubmitjobsperuser": "MaxSubmitJobsPerUser=60",
        "grpsubmitjobs": "GrpSubmitJobs=50",
    }
    for name, text in limits.items():
        case = Case()
        case.edit("accounts", rf"{text}\b", re.sub(r"\d+$", "1", text))
        case.must_be_found(f"limit {name}")
    case = Case()
    case.edit("accounts", "MaxWall=4:00:00", "MaxWall=10")
    case.must_be_found("limit maxwall")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="sluice-placements.") as work:
        folder = pathlib.Path(work) / "sound"
        folder.mkdir()
        sound = placements.small(folder, SEED)
        main(
            sound_placements_are_sound,
            wrong_nodes,
            wrong_sizes,
            wrong_gpus,
            wrong_switches,
            wrong_accounts,
            wrong_times,
            nobody_is_forgotten_and_nobody_runs_twice,
            too_much_of_a_node,
            too_much_of_what_is_shared,
            dependencies,
            every_limit,
        )
