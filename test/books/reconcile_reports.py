"""sreport, sshare and the counters of limits against the runs."""
import collections

from amounts import MICRO


def sums_of_runs(exports):
    """{(account, user, TRES): seconds} by sacct. CPUs alone are given up in a suspension."""
    found = collections.Counter()
    for run in exports.attempts:
        if run.ran:
            for tres, count in run.meters.items():
                seconds = run.elapsed if tres == "cpu" else run.last - run.first
                found[run.account, run.user, tres] += count * seconds
    return found


def report_users(findings, exports):
    sums = sums_of_runs(exports)
    wanted = collections.Counter()
    for (account, user, tres), used in sums.items():
        wanted[account, user, tres] += used
        for above in exports.chain(account):
            wanted[above, "", tres] += used
    told = {}
    for line in exports.text("sreport_users.txt").splitlines():
        _, account, user, _, tres, used = line.split("|")
        told[account.strip(), user, tres] = int(used)
    what = "sreport, account utilization by user"
    for key in sorted(told.keys() | {key for key, used in wanted.items() if used}):
        findings.equal(told.get(key, 0), wanted[key], what, str(key))


def report_top(findings, exports):
    sums, told = sums_of_runs(exports), collections.Counter()
    for line in exports.text("sreport_top.txt").splitlines():
        _, user, _, account, *rest = line.split("|")
        told[account, user, rest[0]] += int(rest[1])
    for key in sorted(told.keys() | {key for key, used in sums.items() if used}):
        findings.equal(told[key], sums[key], "sreport, top users", str(key))


def report_cluster(findings, exports):
    total = collections.Counter()
    for (_, _, tres), used in sums_of_runs(exports).items():
        total[tres] += used
    for line in exports.text("sreport_cluster.txt").splitlines():
        _, tres, allocated, down, planned_down, idle, planned, reported = line.split("|")
        parts = [int(word) for word in (allocated, down, planned_down, idle, planned)]
        findings.equal(sum(parts), int(reported), "sreport, the cluster's time adds up", tres)
        if tres in ("cpu", "mem"):
            findings.equal(parts[0], total[tres], "sreport, allocated time of the cluster", tres)


class Bounds:
    """At least and at most so many count-microseconds: the same where a run's time is known to the
    microsecond. Use is counted with suspensions by the monotonic clock, which has milliseconds."""

    def __init__(self):
        self.low, self.high = collections.Counter(), collections.Counter()

    def add(self, run, ran, factor):
        for tres, count in run.meters.items():
            self.low[tres] += count * max(0, ran[0]) * factor // MICRO
            self.high[tres] += count * ran[1] * factor // MICRO

    def has(self, tres, number, unit):
        low, high = self.low[tres] // MICRO // unit, self.high[tres] // MICRO // unit
        return low <= number <= high, f"{number} not in {low} to {high}"


def time_of(run):
    """From and to so many microseconds."""
    if run.begin is None or not run.exact:  # nobody's, or charged to its limit only
        stretch = 2 + run.still_s
        return (run.elapsed - stretch) * MICRO, (run.elapsed + stretch) * MICRO
    ran = run.end - run.begin - sum(b - a for a, b in run.still)
    off = 1000 * len(run.still)
    return ran - off, ran + off


def usage_of(exports):
    """Bounds by what counters are called: "qos Q", "account A", "user A U"."""
    found = collections.defaultdict(Bounds)
    for run in exports.attempts:
        if not run.ran:
            continue
        ran, factor = time_of(run), exports.factors.get(run.qos, MICRO)
        found[f"qos {run.qos}"].add(run, ran, factor)
        found[f"user {run.account} {run.user}"].add(run, ran, factor)
        for above in exports.chain(run.account):
            found[f"account {above}"].add(run, ran, factor)
    return found


def shares(findings, exports, usage):
    for (account, user), (raw, minutes) in exports.shares().items():
        name = f"user {account} {user}" if user else f"account {account}"
        good, line = usage[name].has("billing", raw, 1)
        findings.check(good, "sshare, raw usage", f"{name}: {line}")
        for tres, number in minutes.items():
            good, line = usage[name].has(tres, number, 60)
            findings.check(good, "sshare, TRES minutes", f"{name} {tres}: {line}")


def counters(findings, exports, usage):
    for name, used in exports.counters().items():
        for tres, minutes in used.items():
            good, line = usage[name].has(tres, minutes, 60)
            findings.check(good, "limits, minutes used (assoc_mgr)", f"{name} {tres}: {line}")


def reports(findings, exports):
    report_users(findings, exports)
    report_top(findings, exports)
    report_cluster(findings, exports)
    usage = usage_of(exports)
    shares(findings, exports, usage)
    counters(findings, exports, usage)
