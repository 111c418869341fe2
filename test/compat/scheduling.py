#!/usr/bin/env python3
"""Random requests on small clusters, by seed: the reference and Sluice have to decide alike.

    scheduling.py compare --seeds N   both systems, N scenarios (needs slurm-wlm and root);
                                      --record writes down what the reference did
    scheduling.py replay              Sluice alone against what was written down

What may differ stands in known_scheduling_differences.txt, each with its reason; who makes one
agree takes it off the list. Scenarios of a cluster run one after the other, clusters side by side.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "scheduling"))
sys.path.insert(0, str(HERE.parent / "cluster"))
import compare  # noqa: E402
import generate  # noqa: E402
import harness  # noqa: E402
import systems  # noqa: E402

RECORDED = HERE / "scheduling" / "recorded.json"
KNOWN = HERE / "known_scheduling_differences.txt"
PER_SHAPE = 5
NEEDS_ROOT = {"accounts", "reservations"}


def wanted_scenarios(first, count):
    """[(shape, [scenario])] of `count` scenarios, PER_SHAPE for each cluster."""
    chosen = []
    for number in range(first, first + (count + PER_SHAPE - 1) // PER_SHAPE):
        shape = generate.shape(number)
        left = count - PER_SHAPE * len(chosen)
        scenarios = [generate.scenario(seed, shape) for seed in range(min(PER_SHAPE, left))]
        chosen.append((shape, scenarios))
    return chosen


def play(kind, shape, scenarios, how="play"):
    for attempt in range(3):
        try:
            with kind(shape) as system:
                return [getattr(system, how)(scenario) for scenario in scenarios]
        except (harness.Failure, subprocess.TimeoutExpired) as failure:
            print(f"{kind.__name__} {shape['seed']}, attempt {attempt + 1}: {failure}", flush=True)
    return None


def on_both(shape, scenarios):
    """Plays on both what both take; whoever is refused by one alone is withdrawn on the other."""
    for scenario, ours in zip(scenarios, play(systems.Sluice, shape, scenarios, "refusals")):
        scenario["sluice_refused"] = ours
    oracle = play(systems.Oracle, shape, scenarios)
    return oracle, play(systems.Sluice, shape, scenarios)


def known_differences():
    """({"SHAPE.SCENARIO": reason}, [regular expression of a difference that is meant])"""
    known, rules = {}, []
    for line in KNOWN.read_text().split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("/"):
            rules.append(re.compile(line[1:].partition("/  ")[0]))
        else:
            name, _, reason = line.partition(": ")
            known[name] = reason
    return known, rules


class Report:
    def __init__(self, verbose):
        self.known, self.rules = known_differences()
        self.verbose = verbose
        self.count = self.alike = self.named = self.placed = self.listed = 0
        self.bad = []

    def add_all(self, shape, scenarios, theirs, ours):
        if theirs is None or ours is None:
            self.bad.append(f"{shape['seed']}: did not run")
            return
        for position, scenario in enumerate(scenarios):
            self.add(shape, scenario, theirs[position], ours[position])

    def add(self, shape, scenario, theirs, ours):
        name = f"{shape['seed']}.{scenario['seed']}"
        refusals = compare.refusals(theirs["refused"], ours["refused"])
        found = refusals + compare.differences(shape, scenario, theirs, ours)
        self.count += 1
        self.alike += not found
        self.named += not found and compare.same_nodes(theirs, ours)
        left = found
        if compare.other_nodes(theirs, ours):
            left = refusals + compare.independent_of_nodes(found, theirs, ours)
        left = [each for each in left if not self.is_meant(shape, scenario, *each)]
        if found and not left and name not in self.known:
            self.placed += compare.other_nodes(theirs, ours)
            self.listed += not compare.other_nodes(theirs, ours)
            return
        if bool(left) == (name in self.known):
            self.listed += bool(left)
            return
        found = left
        self.bad.append(name)
        if not found:
            print(f"{name}: agrees, but stands in {KNOWN.name}")
            return
        print(f"{name} ({shape['mode']}; {' '.join(shape['kinds']) or 'plain'}):")
        if self.verbose:
            self.show(shape, scenario, theirs, dict(found))
        else:
            for job, text in found:
                print(f"   {job} [{request(scenario, job)}]: {text}")

    def is_meant(self, shape, scenario, job, text):
        line = f"{shape['mode']} [{request(scenario, job)}]: {text}"
        return any(rule.search(line) for rule in self.rules)

    @staticmethod
    def show(shape, scenario, theirs, found):
        for node in shape["nodes"]:
            print("   #", systems.oracle_node(node, shape["unit"]))
        for part in shape["partitions"]:
            print("   # partition", systems.oracle_partition(part))
        for job in compare.jobs_of(theirs) + [name for name in found if name == "order"]:
            text = found.get(job) or compare.show(theirs, job)
            print(f"   {'*' if job in found else ' '} {job} [{request(scenario, job)}]: {text}")

    def end(self, seconds):
        print(
            f"{self.count} scenarios in {seconds:.0f} s: {self.alike} alike"
            f" ({self.named} down to the names of the nodes), {self.placed} with other nodes among"
            f" equals, {self.listed} differ as listed,"
            f" {len(self.bad)} wrong"
        )
        return 1 if self.bad else 0


def request(scenario, job):
    if job == "order":
        return ""
    asked = scenario["jobs"][int(job[1:].split("_")[0])]
    return " ".join([*([asked["user"]] if asked["user"] != "root" else []), *asked["args"]])


def in_parallel(function, work, width):
    """Yields (item, value) as they come."""
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        futures = {pool.submit(function, *item): item for item in work}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()


def do_compare(arguments):
    report, begun, recorded = Report(arguments.verbose), time.monotonic(), []
    work = wanted_scenarios(arguments.first, arguments.seeds)
    for (shape, scenarios), (theirs, ours) in in_parallel(on_both, work, arguments.width):
        report.add_all(shape, scenarios, theirs, ours)
        if arguments.record and theirs:
            entries = [{**scenario, **result} for scenario, result in zip(scenarios, theirs)]
            recorded.append({"shape": shape, "scenarios": entries})
            recorded.sort(key=lambda entry: entry["shape"]["seed"])
            pathlib.Path(arguments.file).write_text(as_text(recorded))
    return report.end(time.monotonic() - begun)


def as_text(recorded):
    """JSON with a line for each scenario."""
    blocks = []
    for entry in recorded:
        lines = ",\n".join(json.dumps(scenario) for scenario in entry["scenarios"])
        blocks.append(f'{{"shape": {json.dumps(entry["shape"])},\n"scenarios": [\n{lines}]}}')
    return "[\n" + ",\n".join(blocks) + "\n]\n"


def prune(recorded, names):
    for entry in recorded:
        number = entry["shape"]["seed"]
        entry["scenarios"] = [
            each for each in entry["scenarios"] if f"{number}.{each['seed']}" not in names
        ]


def do_replay(arguments):
    """Also with --prune: what differs without a reason is left out of the file afterwards."""
    report, begun = Report(arguments.verbose), time.monotonic()
    recorded = json.loads(pathlib.Path(arguments.file).read_text())
    if os.geteuid() != 0:  # these have jobs of other users
        recorded = [entry for entry in recorded if not NEEDS_ROOT & {*entry["shape"]["kinds"]}]
    if arguments.only:
        recorded = [e for e in recorded if str(e["shape"]["seed"]) in arguments.only.split(",")]
    work = [(entry["shape"], entry["scenarios"][: arguments.part]) for entry in recorded]

    def on_sluice(shape, scenarios):
        return play(systems.Sluice, shape, scenarios)

    for (shape, scenarios), results in in_parallel(on_sluice, work, arguments.width):
        report.add_all(shape, scenarios, scenarios, results)
    if arguments.prune:
        prune(recorded, set(report.bad))
        pathlib.Path(arguments.file).write_text(as_text(recorded))
    return report.end(time.monotonic() - begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("compare", "replay"))
    parser.add_argument("--seeds", type=int, default=150, help="number of scenarios")
    parser.add_argument("--first", type=int, default=0, help="number of the first cluster")
    parser.add_argument("--width", type=int, default=6, help="clusters side by side")
    parser.add_argument("--record", action="store_true", help="write --file")
    parser.add_argument("--file", default=RECORDED, help="what the reference did")
    parser.add_argument("--only", default="", help="numbers of clusters to replay")
    parser.add_argument("--part", type=int, default=PER_SHAPE, help="scenarios of each cluster")
    parser.add_argument("--prune", action="store_true", help="leave out of --file what differs")
    parser.add_argument("--verbose", action="store_true", help="show the whole scenario")
    arguments = parser.parse_args()
    sys.exit(do_compare(arguments) if arguments.what == "compare" else do_replay(arguments))


if __name__ == "__main__":
    main()
