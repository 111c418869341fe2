"""Holds a scenario's result on Sluice against the reference's.

What has to agree: which jobs are refused, run and wait; what each running job has on each kind of
node (CPUs, memory, GPUs); each waiting job's reason; the order of those that wait. Nodes of one
kind (equal hardware, weight, features and partitions) may stand for each other.

Which of several nodes that serve equally well a job gets is not said anywhere exactly, and what
fits beside it follows from that: again.py looks into those scenarios once more.
"""
import re


def kinds_of(shape, leave_out=()):
    """{node: number of its kind}"""
    kinds, known = {}, []
    for node in shape["nodes"]:
        facts = {key: value for key, value in node.items() if key != "name"}
        facts["partitions"] = [
            part["name"] for part in shape["partitions"] if node["name"] in members(shape, part)
        ]
        facts["switch"] = [
            switch["name"]
            for switch in shape.get("topology", [])
            if node["name"] in switch.get("nodes", "").split(",")
        ]
        facts = {key: value for key, value in facts.items() if key not in leave_out}
        if facts not in known:
            known.append(facts)
        kinds[node["name"]] = known.index(facts)
    return kinds


def members(shape, part):
    if part["nodes"] == "ALL":
        return [node["name"] for node in shape["nodes"]]
    low, _, high = part["nodes"].replace("n", "").strip("[]").partition("-")
    return [f"n{number}" for number in range(int(low), int(high or low) + 1)]


def held(kinds, places):
    """What a job has, without the names of nodes: sorted (kind, CPUs, MiB, GPUs)."""
    return sorted([kinds[node], *amounts] for node, amounts in places.items())


def reason_of(text):
    """A reason without what only one of the two puts behind it."""
    return re.sub(r"[(,].*", "", text.replace(" ", "_"))


def outcome(shape, result, job):
    """(state, detail) of a job, detail comparable between the two systems."""
    if job in result["refused"]:
        return ("refused", "")
    if job in result["running"]:
        return ("running", held(kinds_of(shape), result["running"][job]))
    if job in result["pending"]:
        return ("pending", {reason_of(reason) for reason in result["pending"][job]})
    return ("gone", "")


def refusals(theirs, ours):
    """[(job, text)] of what only one of the two refuses."""
    found = []
    for job in sorted(set(theirs) ^ set(ours), key=lambda name: int(name[1:])):
        text = (
            f"refused ({theirs[job]}), Sluice takes it"
            if job in theirs
            else (f"taken, Sluice refuses it ({ours[job]})")
        )
        found.append((job, text))
    return found


def named_nodes_wait(scenario, theirs):
    """Whether one who waits names his nodes. In the reference those behind him then wait for
    "Resources" though they stand behind him, which is "Priority"."""
    return any("-wn" in " ".join(asked(scenario, job)["args"]) for job in theirs["pending"])


def reserved_nodes_wait(theirs, ours):
    """Whether one of the two says so of somebody: who is first in line then differs."""
    reasons = [
        text for result in (theirs, ours) for seen in result["pending"].values() for text in seen
    ]
    return any("May be reserved" in text for text in reasons)


def agree(expected, got, loose):
    if expected[0] == got[0] == "pending":
        either = {"Resources", "Priority"}
        return bool(expected[1] & got[1] or (loose and expected[1] & either and got[1] & either))
    return expected == got


def jobs_of(*results):
    names = set()
    for result in results:
        for group in ("refused", "running", "pending"):
            names |= set(result[group])
    return sorted(names, key=lambda name: [int(part) for part in name[1:].split("_")])


def asked(scenario, job):
    """The submit that a job or an array's task comes from."""
    return scenario["jobs"][int(job[1:].split("_")[0])]


def differences(shape, scenario, theirs, ours):
    """[(job, text)]; empty where the two agree. Withdrawn jobs don't count."""
    found = []
    withdrawn = scenario.get("withdrawn", ())
    loose = named_nodes_wait(scenario, theirs) or reserved_nodes_wait(theirs, ours)
    for job in jobs_of(theirs, ours):
        if job in withdrawn or job.split("_")[0] in withdrawn:
            continue
        expected, got = outcome(shape, theirs, job), outcome(shape, ours, job)
        if job in scenario.get("bound", ()) and totals(expected) == totals(got):
            continue
        if not agree(expected, got, loose):
            found.append((job, f"{show(theirs, job)}, Sluice: {show(ours, job)}"))
    both = set(theirs["order"]) & set(ours["order"])
    orders = [[job for job in result["order"] if job in both] for result in (theirs, ours)]
    if orders[0] != orders[1]:
        found.append(("order", f"{' '.join(orders[0])}, Sluice: {' '.join(orders[1])}"))
    return found


def total(places):
    """CPUs, MiB and GPUs in all."""
    return [sum(amounts[at] for amounts in places.values()) for at in range(3)]


def totals(state):
    """The same of an outcome; None where it doesn't run."""
    return [sum(row[at] for row in state[1]) for at in (1, 2, 3)] if state[0] == "running" else None


def same_nodes(theirs, ours):
    """Whether also the names of the nodes agree."""
    return theirs["running"] == ours["running"]


def show(result, job):
    if job in result["refused"]:
        return f"refused ({result['refused'][job]})"
    if job in result["pending"]:
        return f"waits ({' / '.join(result['pending'][job])})"
    places = result["running"].get(job)
    if places is None:
        return "gone"
    return "runs on " + " ".join(
        f"{node}:{cpus}c/{memory}M" + (f"/{gpus}g" if gpus else "")
        for node, (cpus, memory, gpus) in sorted(places.items())
    )
