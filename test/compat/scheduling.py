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
import again  # noqa: E402
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


def on_both(shape, scenarios, rules):
    """Plays on both what both take; whoever is refused by one alone is withdrawn on the other."""
    for scenario, ours in zip(scenarios, play(systems.Sluice, shape, scenarios, "refusals")):
        scenario["sluice_refused"] = ours
    oracle = play(systems.Oracle, shape, scenarios)
    return oracle, on_sluice(shape, scenarios, oracle, rules)


def on_sluice(shape, scenarios, theirs, rules):
    """[(result, what again.py sees in it)] of each scenario."""
    for attempt in range(3):
        try:
            with systems.Sluice(shape) as system:
                return [
                    look_at(system, shape, *pair, rules) for pair in zip(scenarios, theirs or [])
                ]
        except (harness.Failure, subprocess.TimeoutExpired) as failure:
            print(f"Sluice {shape['seed']}, attempt {attempt + 1}: {failure}", flush=True)
    return None


def look_at(system, shape, scenario, theirs, rules):
    ours = system.play(scenario)

    def is_meant(job, text):
        return rules.is_meant(shape, scenario, job, text)

    refused = compare.refusals(theirs["refused"], ours["refused"])
    found = refused + compare.differences(shape, scenario, theirs, ours)
    if all(is_meant(*each) for each in found):
        return ours, again.Look([]), found
    seen = again.look(system, shape, scenario, theirs, ours, is_meant)
    seen.left = [each for each in refused if not is_meant(*each)] + seen.left
    return ours, seen, found


class Rules:
    """What is meant to differ: named scenarios, and regular expressions for lines."""

    def __init__(self):
        self.named, self.patterns = {}, []
        for line in KNOWN.read_text().split("\n"):
            if line.startswith("/"):
                pattern, _, reason = line[1:].partition("/  ")
                self.patterns.append((re.compile(pattern), reason))
            elif line.strip() and not line.startswith("#"):
                name, *jobs = line.partition(": ")[0].split()
                self.named[name] = set(jobs)
        self.used = set()

    def is_meant(self, shape, scenario, job, text):
        kinds = "".join(f" {kind}" for kind in shape["kinds"])
        line = f"{shape['mode']}{kinds} [{request(scenario, job)}]: {text}"
        for pattern, _ in self.patterns:
            if pattern.search(line):
                self.used.add(pattern.pattern)
                return True
        return False


class Report:
    def __init__(self, rules, verbose):
        self.rules, self.verbose = rules, verbose
        self.count = self.alike = self.named = self.placed = self.beside = self.listed = 0
        self.bad = []

    def add_all(self, shape, scenarios, theirs, results):
        if theirs is None or results is None:
            self.bad.append(f"{shape['seed']}: did not run")
            return
        for position, scenario in enumerate(scenarios):
            self.add(shape, scenario, theirs[position], results[position])

    def add(self, shape, scenario, theirs, result):
        ours, seen, found = result
        name = f"{shape['seed']}.{scenario['seed']}"
        self.count += 1
        self.alike += not found
        self.named += not found and compare.same_nodes(theirs, ours)
        meant = self.rules.named.get(name, set())
        if bool(seen.left) != bool(meant) or {job for job, _ in seen.left} - meant:
            self.bad.append(name)
            self.tell(name, shape, scenario, theirs, seen)
        elif seen.left:
            self.listed += 1
        elif found:
            self.beside += bool(seen.extra)
            self.placed += bool(seen.bound) and not seen.extra
            self.listed += not seen.bound and not seen.extra

    def tell(self, name, shape, scenario, theirs, seen):
        if not seen.left:
            print(f"{name}: agrees, but stands in {KNOWN.name}")
            return
        print(f"{name} ({shape['mode']}; {' '.join(shape['kinds']) or 'plain'}):")
        if seen.bound or seen.extra:
            bound = " ".join(f"{job}@{nodes}" for job, nodes in sorted(seen.bound.items()))
            print(
                f"   bound: {bound or '-'}; beside the plan: {' '.join(sorted(seen.extra)) or '-'}"
            )
        if self.verbose:
            self.show(shape, scenario, theirs, dict(seen.left))
            return
        for job, text in seen.left:
            print(f"   {job} [{request(scenario, job)}]: {text}")

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
            f" equals, {self.beside} with a job started beside the plan, {self.listed} differ as"
            f" listed, {len(self.bad)} wrong"
        )
        return 1 if self.bad else 0


def request(scenario, job):
    if job == "order":
        return ""
    asked = compare.asked(scenario, job)
    return " ".join([*([asked["user"]] if asked["user"] != "root" else []), *asked["args"]])


def in_parallel(function, work, width):
    """Yields (item, value) as they come."""
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        futures = {pool.submit(function, *item): item for item in work}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()


def do_compare(arguments):
    rules, begun, recorded = Rules(), time.monotonic(), []
    report = Report(rules, arguments.verbose)
    work = [(*pair, rules) for pair in wanted_scenarios(arguments.first, arguments.seeds)]
    for (shape, scenarios, _), (theirs, results) in in_parallel(on_both, work, arguments.width):
        report.add_all(shape, scenarios, theirs, results)
        if arguments.record and theirs:
            entries = [{**scenario, **result} for scenario, result in zip(scenarios, theirs)]
            for entry in entries:
                del entry["planned"]  # Sluice's plans are held against each other only
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
    rules, begun = Rules(), time.monotonic()
    report = Report(rules, arguments.verbose)
    recorded = json.loads(pathlib.Path(arguments.file).read_text())
    if os.geteuid() != 0:  # these have jobs of other users
        recorded = [entry for entry in recorded if not NEEDS_ROOT & {*entry["shape"]["kinds"]}]
    if arguments.only:
        recorded = [e for e in recorded if str(e["shape"]["seed"]) in arguments.only.split(",")]
    parts = [(entry["shape"], entry["scenarios"][: arguments.part]) for entry in recorded]
    work = [(shape, scenarios, scenarios, rules) for shape, scenarios in parts]
    for (shape, scenarios, *_), results in in_parallel(on_sluice, work, arguments.width):
        report.add_all(shape, scenarios, scenarios, results)
    if arguments.verbose:
        for pattern, _ in rules.patterns:
            if pattern.pattern not in rules.used:
                print(f"not needed: {pattern.pattern}")
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
