"""Random pasts by seed: jobs, nodes that were away and reservations of two days, and what to ask.

The same past is put into the reference's database and, by plant_history, into Sluice's.
"""
from generate import Dice

BEGIN = 1795132800  # 2026-11-20T00:00:00Z
HOUR = 3600
HOURS = 48
CPUS, MEMORY, NODES = 8, 8192, 4  # of each of so many nodes

ACCOUNTS = (("a", "root"), ("a1", "a"), ("a2", "a"), ("b", "root"), ("b1", "b"))
USERS = {"daemon": 1, "bin": 2, "games": 5}  # that every system has
MEMBERS = (("daemon", "a1"), ("bin", "a2"), ("daemon", "b"), ("bin", "b1"), ("games", "a2"))
KEYS = ("w1", "w2")
COMPLETED, CANCELLED, FAILED, TIMEOUT = 3, 4, 5, 6

PERIOD = "start=2026-11-20 end=2026-11-22"
REPORTS = [
    "cluster utilization",
    "-T ALL -t percent cluster utilization",
    "cluster utilization format=cluster,alloc,over,count,tresname,planneddown,down,idle,rep",
    "-t hourper cluster utilization",
    "cluster AccountUtilizationByUser",
    "cluster AccountUtilizationByUser tree accounts=a",
    "cluster AccountUtilizationByUser users=bin",
    "-T cpu,mem cluster AccountUtilizationByUser",
    "-t percent cluster AccountUtilizationByUser",
    "cluster AccountUtilizationByUser format=login,account%-20,used,cluster",
    "cluster UserUtilizationByAccount",
    "cluster UserUtilizationByAccount accounts=a2,b1",
    "cluster UserUtilizationByWckey",
    "cluster WckeyUtilizationByUser",
    "cluster WckeyUtilizationByUser wckeys=w2",
    "user TopUsage",
    "user TopUsage group",
    "-t minper user TopUsage topcount=2",
    "job SizesByAccount",
    "job SizesByAccount grouping=4,8,16",
    "job SizesByAccount grouping=individual flatview",
    "job SizesByAccount acctasparent",
    "job SizesByAccount accounts=a,b1 printjobcount",
    "job SizesByAccount partitions=batch users=daemon,games",
    "job SizesByAccount partitions=nix",
    "job SizesByAccountAndWckey",
    "job SizesByAccountAndWckey flatview",
    "job SizesByWckey",
    "-T mem job SizesByWckey grouping=8",
    "reservation Utilization",
    "-t hourper reservation Utilization names=r1",
]
# Each of these in every unit, of each kind of TRES.
BARE = (
    "cluster Utilization",
    "cluster AccountUtilizationByUser",
    "cluster UserUtilizationByAccount",
    "cluster UserUtilizationByWckey",
    "cluster WckeyUtilizationByUser",
    "user TopUsage",
    "job SizesByAccount",
    "job SizesByAccountAndWckey",
    "job SizesByWckey",
    "reservation Utilization",
)
UNITS = ("Seconds", "Minutes", "Hours", "Percent", "SecPer", "MinPer", "HourPer")
KINDS = ("cpu", "mem", "node", "ALL")
# Hours of their own, for those that sums are made for.
PERIODS = (
    PERIOD,
    "start=2026-11-20T05:00:00 end=2026-11-20T09:00:00",
    "start=2026-11-20T22:30:00 end=2026-11-21T03:15:00",
)
FIELDS = (
    "JobID,User,Account,Partition,State,Start,End,Elapsed,ElapsedRaw,Eligible,Submit,Suspended,"
    "AllocCPUS,CPUTimeRAW,CPUTime,WCKey,QOS,NNodes,Timelimit,AllocTRES"
)


def questions(seed):
    """[(program, words)]"""
    dice = Dice("questions", seed)
    asked = []
    for unit in ("sec", "min"):
        for report in REPORTS:
            own = "-t " in report.split("cluster")[0].split("user")[0].split("reserv")[0]
            if own and unit == "min":
                continue
            for period in PERIODS if unit == "sec" else PERIODS[:1]:
                words = report if own else f"-t {unit} {report}"
                asked.append(("sreport", f"-P {words} {period}"))
    for form in ("cluster utilization", "user TopUsage", "job SizesByAccount"):
        asked.append(("sreport", f"-t sec {form} {PERIOD}"))
    for _ in range(12):
        first = dice.number(0, HOURS - 2)
        last = dice.number(first, HOURS)
        words = f"-S {stamp(first)} -E {stamp(last)}"
        states = dice.one("", "R", "PD", "CD", "CA,F", "R,CD", "TO", "S")
        if states:
            words += f" -s {states}"
        if dice.number(0, 2) == 0:
            words += " -T"
        words += dice.one("", "", " -u daemon", " -A a2,b", " -r batch", " -W w1", " -q normal")
        asked.append(("sacct", f"-a -X -P --format={FIELDS} {words}"))
    for report in BARE:
        for unit in UNITS:
            for kind in KINDS:
                asked.append(("sreport", f"-P -T {kind} -t {unit} {report} {PERIOD}"))
    return asked


def stamp(hour):
    return f"2026-11-{20 + hour // 24}T{hour % 24:02}:00:00"


def past(seed):
    """{"jobs": […], "spans": […], "reservations": […]}"""
    dice = Dice("past", seed)
    jobs = []
    for number in range(1, dice.number(25, 45)):
        user, account = dice.one(*MEMBERS)
        eligible = BEGIN + dice.number(0, 40 * HOUR)
        start = eligible + dice.one(0, dice.number(1, 3 * HOUR))
        end = start + dice.one(0, 1, dice.number(1, HOUR), dice.number(1, 6 * HOUR))
        state, still = dice.one(COMPLETED, COMPLETED, FAILED, CANCELLED, TIMEOUT), []
        if state == CANCELLED and dice.number(0, 1) == 0:
            start, end = 0, max(start, eligible)
        elif end - start > 100 and dice.number(0, 3) == 0:
            one = start + dice.number(1, (end - start) // 2)
            still.append((one, one + dice.number(1, end - one)))
        cpus = dice.one(1, 2, 3, 4, 8)
        jobs.append(
            {
                "id": number,
                "user": user,
                "account": account,
                "wckey": dice.one(*KEYS) if user == "daemon" else "",
                "cpus": cpus,
                "memory": cpus * 100,
                "nodes": 1,
                "eligible": eligible,
                "start": start,
                "end": end,
                "state": state,
                "still": still,
            }
        )
    spans = []
    for node in range(1, NODES + 1):
        at = BEGIN + dice.number(0, 20 * HOUR)
        if dice.number(0, 1) == 0:
            spans.append({"node": f"n{node}", "from": at, "to": at + dice.number(1, 5 * HOUR)})
    reservations = []
    if dice.number(0, 1) == 0:  # on a node of its own: maintenance
        at = BEGIN + dice.number(20 * HOUR, 40 * HOUR)
        made = {"id": 1, "name": "r1", "start": at, "end": at + 2 * HOUR, "maint": True}
        reservations.append(made)
    return {"jobs": jobs, "spans": spans, "reservations": reservations}


def lines(past_):
    """For plant_history."""
    whole = f"span - {BEGIN} {BEGIN + HOURS * HOUR} {CPUS * NODES} {MEMORY * NODES} 2"
    found = [whole]
    for job in past_["jobs"]:
        still = ",".join(f"{a}-{b}" for a, b in job["still"]) or "-"
        found.append(
            f"job {job['id']} {job['user']} {USERS[job['user']]} {job['account']}"
            f" {job['wckey'] or '-'} {job['cpus']} {job['memory']} {job['nodes']}"
            f" {job['eligible']} {job['start']} {job['end']} {job['state']} - {still}"
        )
    for span in past_["spans"]:
        found.append(f"span {span['node']} {span['from']} {span['to']} {CPUS} {MEMORY} 1")
    for made in past_["reservations"]:
        flags = 1 if made["maint"] else 0
        found.append(
            f"reservation {made['id']} {made['name']} {made['start']} {made['end']} {CPUS}"
            f" {flags} - n4"
        )
    return "\n".join(found) + "\n"
