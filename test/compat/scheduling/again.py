"""A second look at a scenario whose results differ: is what differs only what follows from a choice
that the documentation leaves open?

Two such choices are put to the test by playing the scenario again on Sluice:

- *Other nodes among equals.* A job that runs on both with the same amounts on equal nodes (in
  hardware, weight and features; for several nodes also in their switches), or one that named no
  number of nodes and has as many CPUs in all, is bound to the nodes that the reference gave it. So
  is one that has nodes of less weight here, which are the ones to take (man slurm.conf, Weight),
  where the reference kept them whole for somebody's planned start.
- *Beside the plan.* Backfill starts a job ahead of others where that doesn't delay the expected
  start of any job of higher priority (man slurm.conf, SchedulerType). Who runs on Sluice alone is
  withdrawn; nobody who stands before him may have been planned later because of him.

What still differs then has to be on the list.
"""
import compare

MOST_ROUNDS = 5
# Planned starts are counted from the first start, which two plays don't have at the same moment.
SLACK_S = 5


def open_count(scenario, job):
    """How many nodes it gets, and what on each, is the scheduler's choice (man sbatch, -N)."""
    words = compare.asked(scenario, job)["args"]
    return not any(word.startswith(("-N", "--ntasks-per-node")) for word in words)


def among_equals(shape, there, here):
    leave_out = {"partitions"} if len(there) > 1 else {"partitions", "switch"}
    kinds = compare.kinds_of(shape, leave_out)
    return compare.held(kinds, there) == compare.held(kinds, here)


def weight(shape, places):
    return sum(node["weight"] for node in shape["nodes"] if node["name"] in places)


def bindings(shape, scenario, theirs, ours):
    """{job: nodes} of those who run on other nodes, which are as good as the reference's."""
    found = {}
    for job in set(theirs["running"]) & set(ours["running"]):
        there, here = theirs["running"][job], ours["running"][job]
        if set(there) == set(here) or compare.total(there) != compare.total(here):
            continue
        lighter = shape["mode"] != "builtin" and weight(shape, here) < weight(shape, there)
        if lighter or open_count(scenario, job) or among_equals(shape, there, here):
            found[job] = ",".join(sorted(there))
    return found


def beside_plan(shape, theirs, ours):
    """Those who run on Sluice alone while others wait for resources."""
    if shape["mode"] == "builtin":
        return set()
    busy = {"Resources", "Priority"}
    return {
        job
        for job in set(theirs["pending"]) & set(ours["running"])
        if busy & {compare.reason_of(reason) for reason in theirs["pending"][job]}
    }


def delayed(theirs, with_them, without, extra):
    """Who stands before one of `extra` and was planned later because of them."""
    found = []
    for job in extra:
        if job not in theirs["order"]:
            continue
        for ahead in theirs["order"][: theirs["order"].index(job)]:
            late, early = with_them["planned"].get(ahead), without["planned"].get(ahead)
            if early is not None and (late is None or late > early + SLACK_S):
                found.append((ahead, f"planned {late} s ahead, {early} s without {job}"))
    return found


class Look:
    """What is left of the differences, and why the rest doesn't count."""

    def __init__(self, left):
        self.left = left
        self.bound = {}
        self.extra = set()


def look(system, shape, scenario, theirs, ours, is_meant):
    """Plays the scenario on `system` until nothing new is found to be bound or withdrawn."""
    found = compare.differences(shape, scenario, theirs, ours)
    seen = Look([each for each in found if not is_meant(*each)])
    first = ours
    for _ in range(MOST_ROUNDS):
        bound = {**bindings(shape, scenario, theirs, ours), **seen.bound}
        extra = seen.extra | beside_plan(shape, theirs, ours)
        if (bound, extra) == (seen.bound, seen.extra):
            break
        seen.bound, seen.extra = bound, extra
        withdrawn = [*scenario.get("withdrawn", ()), *sorted(extra)]
        changed = {**scenario, "bound": bound, "withdrawn": withdrawn}
        ours = system.play(changed)
        # Who is withdrawn here waits there.
        found = compare.differences(shape, changed, theirs, ours)
        seen.left = [each for each in found if not is_meant(*each)]
    seen.left += delayed(theirs, first, ours, seen.extra)
    return seen
