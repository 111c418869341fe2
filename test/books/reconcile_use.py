"""Attempts of sacct against those of the ledger, and each one's cost against the price file."""
import collections

from amounts import MICRO

STATES = {
    "completed": ("COMPLETED",),
    "failed": ("FAILED",),
    "timeout": ("TIMEOUT",),
    "cancelled": ("CANCELLED",),
    "node_fail": ("NODE_FAIL",),
    "preempted": ("PREEMPTED",),
    "requeued": ("REQUEUED",),
    "launch_failed": ("FAILED", "REQUEUED", "REQUEUE_HOLD", "PENDING"),
    "out_of_memory": ("OUT_OF_MEMORY",),
    "deadline": ("DEADLINE",),
}
OF_ATTEMPTS = ("hold", "release", "charge", "reversal")


def match(exports, findings):
    """Gives each attempt that ran, and that somebody pays for, its entries."""
    charged = collections.defaultdict(dict)  # job: {(uid, attempt): entries}
    for entry in exports.entries:
        if entry.kind in OF_ATTEMPTS:
            charged[entry.job].setdefault(entry.key, []).append(entry)
    ran = collections.defaultdict(list)
    for attempt in exports.attempts:
        owner = exports.customer_of(attempt.account)
        if attempt.ran and owner is not None:
            ran[attempt.job].append(attempt)
    for job in sorted(charged.keys() | ran.keys()):
        known = sorted(charged[job].items(), key=lambda pair: pair[0][1])
        runs = sorted(ran[job], key=lambda one: (one.first, one.last))
        same = findings.equal(len(known), len(runs), "runs of sacct in the ledger", f"job {job}")
        if same:
            for (_, entries), run in zip(known, runs):
                adopt(exports, findings, run, entries)


def adopt(exports, findings, run, entries):
    ends = [entry for entry in entries if entry.fate]
    name = f"job {run.label}"
    if not findings.equal(len(ends), 1, "runs are settled once", name):
        return
    end = ends[0]
    owner = exports.customer_of(run.account)
    run.entries, run.begin, run.end, run.book = entries, end.begin, end.end, owner["book"]
    run.accounts, run.customer, run.fate = exports.chain(run.account), owner, end.fate
    run.still = gaps(exports, run)
    times = run.begin // MICRO, charged_second(run)
    findings.equal(times, (run.first, run.last), "begin and end as sacct says", name)
    told = {(e.account, e.user, e.partition, e.qos, e.wckey, e.customer) for e in entries}
    said = run.account, run.user, run.partition, run.qos, run.wckey, owner["name"]
    findings.equal(told, {said}, "whose it is, as sacct says", name)
    good = run.state in STATES.get(end.fate, ())
    findings.check(good, "fate as sacct says", f"{name}: {end.fate}, {run.state}")


def charged_second(run):
    """The second of its end. Nothing is charged beyond the time limit, so the ledger doesn't know
    when such a run ended: then it is sacct's, if that isn't earlier."""
    if run.limit is not None:
        still = sum(b - a for a, b in run.still)
        if run.end == run.begin + run.limit * 60 * MICRO + still and run.last >= run.end // MICRO:
            run.exact = False
            return run.last
    return run.end // MICRO


def gaps(exports, run):
    """When it was suspended: no price held then but those that are charged all the time."""
    always = {
        (book.name, book.version, price.sku)
        for book in exports.books.books
        for price in book.prices
        if price.while_suspended
    }
    pieces = sorted(
        (entry.begin, entry.end)
        for entry in run.entries
        if entry.kind == "charge" and (entry.book, entry.version, entry.sku) not in always
    )
    found, reached = [], run.begin
    for begin, end in pieces + [(run.end, run.end)]:
        if begin > reached:
            found.append((reached, begin))
        reached = max(reached, end)
    return found


def seconds(findings, exports):
    """sacct with itself, and with the ledger's microseconds."""
    for run in exports.attempts:
        if not run.ran:
            continue
        name = f"job {run.label}"
        whole = run.last - run.first - run.still_s
        findings.equal(run.elapsed, whole, "elapsed is end less begin less suspension", name)
        cpus = run.elapsed * run.tres["cpu"]
        findings.equal(run.cpu_seconds, cpus, "CPU time is elapsed times CPUs", name)
        if run.begin is None:
            continue
        still = sum(b - a for a, b in run.still)
        # A stretch's whole seconds may be one more or less than its time.
        near = abs(still - run.still_s * MICRO) <= len(run.still) * MICRO
        line = f"{name}: {still} us, {run.still_s} s"
        findings.check(near, "suspension of ledger and sacct", line)


def costs(findings, exports):
    """The sum of each run's charges at each price, by the price file."""
    for run in exports.attempts:
        if run.begin is None:
            continue
        free = run.fate in exports.books.free(run)
        expected = {} if free else exports.books.lines(run)
        permille = 1000 - run.customer["discount_permille"]
        sums = collections.defaultdict(lambda: [0, 0, 0, 0])
        for entry in run.entries:
            if entry.kind in ("charge", "reversal"):
                line = sums[entry.version, entry.sku]
                line[0] += entry.consumed
                line[1] += entry.priced
                line[2] += entry.list
                line[3] += entry.contracted
        for key in sorted(sums.keys() | expected.keys()):
            price, consumed, priced = expected.get(key, (None, 0, 0))
            wanted = [consumed, priced, 0, 0]
            if price is not None:
                wanted[2:] = price.cost(priced), price.cost(priced, permille)
            name = f"job {run.label} from {run.begin} to {run.end}, {key}"
            kind = "free runs cost nothing" if free else "quantity and cost of runs, by price"
            findings.equal(sums[key], wanted, kind, name)


def first_holds(findings, exports):
    """What is held at the start is the cost of the time limit, or of so many hours of it."""
    with_packages = {e.customer for e in exports.entries if e.kind == "purchase"}
    for run in exports.attempts:
        if run.begin is None or run.customer["name"] in with_packages or run.limit is None:
            continue
        seconds_ahead = run.limit * 60
        if run.customer["hold_hours"]:
            seconds_ahead = min(seconds_ahead, run.customer["hold_hours"] * 3600)
        plan = Plan(run, run.begin + seconds_ahead * MICRO)
        permille = 1000 - run.customer["discount_permille"]
        lines = exports.books.lines(plan).values()
        expected = sum(price.cost(priced, permille) for price, _, priced in lines)
        held = next(entry.amount for entry in run.entries if entry.kind == "hold")
        findings.equal(held, expected, "held at the start", f"job {run.label}")


class Plan:
    """A run that goes on to its limit, without suspension."""

    def __init__(self, run, end):
        self.meters, self.accounts = run.meters, run.accounts
        self.partition, self.qos, self.book = run.partition, run.qos, run.book
        self.begin, self.end, self.still = run.begin, end, []


def use(findings, exports):
    match(exports, findings)
    seconds(findings, exports)
    costs(findings, exports)
    first_holds(findings, exports)
