#!/usr/bin/env python3
"""Were the jobs of a replayed log placed as they may be? An independent check of what `sluice sim
--submissions LOG --config slurm.conf --accounts SCRIPT --placements OUT` wrote: it reads that
table, the log, and the site's files, and knows the rules from Slurm's manual pages alone.

    check_placements.py --log LOG --config slurm.conf [--accounts SCRIPT] OUT
"""
import argparse
import collections
import lzma
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "books"))
import accounts_of  # noqa: E402
import check_requests  # noqa: E402
import check_use  # noqa: E402
import findings  # noqa: E402
import placed  # noqa: E402
import slurm_files  # noqa: E402
import submissions  # noqa: E402


class World:
    def __init__(self, files):
        self.findings = findings.Findings()
        self.site = slurm_files.Site(files.config)
        self.accounts = accounts_of.Accounts(text_of(files.accounts)) if files.accounts else None
        self.log = {one.number: one for one in submissions.read_log(text_of(files.log))}
        self.stretches, self.left = placed.read(files.placements)
        # In order of time: the stretches of a run, the runs of a job, the jobs of an array.
        self.runs, self.jobs = collections.defaultdict(list), collections.defaultdict(list)
        self.by_id = collections.defaultdict(list)
        for stretch in self.stretches:
            self.runs[stretch.number, stretch.task, stretch.run].append(stretch)
            self.jobs[stretch.number, stretch.task].append(stretch)
        for stretches in self.jobs.values():
            self.by_id[stretches[0].job].append(stretches)
            if "_" in stretches[0].job:
                self.by_id[stretches[0].job.partition("_")[0]].append(stretches)


def text_of(path):
    if str(path).endswith(".xz"):
        with lzma.open(path, "rt", encoding="utf-8") as file:
            return file.read()
    return pathlib.Path(path).read_text(encoding="utf-8")


def check(files):
    """`files` has log, config, accounts (may be None) and placements. Returns a World with
    findings."""
    world = World(files)
    unknown = [one for one in world.stretches if one.number not in world.log]
    world.findings.check(not unknown, "placed is what was submitted", str(unknown[:1]))
    if not unknown:
        check_requests.Requests(world).check()
        check_use.Use(world).check()
    return world


def summary(world):
    states = collections.Counter(stretch.state for stretch in world.stretches)
    states.update(left.state for left in world.left)
    told = ", ".join(f"{count} {state.lower()}" for state, count in sorted(states.items()))
    return f"{len(world.log)} submissions on {len(world.site.nodes)} nodes: {told}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--log", required=True, help="the submissions, also packed by xz")
    parser.add_argument("--config", required=True, help="slurm.conf, with its others beside it")
    parser.add_argument("--accounts", help="commands for sacctmgr")
    parser.add_argument("placements", help="what sluice sim --placements wrote")
    world = check(parser.parse_args())
    print(summary(world))
    print(world.findings.text())
    sys.exit(0 if world.findings.sound else 1)


if __name__ == "__main__":
    main()
