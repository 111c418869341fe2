#!/usr/bin/env python3
"""Who may see and do what with accounting and money: every command by every role, with real uids.

    rights.py            tries the table on real daemons
    rights.py --table    prints it; sluice-bill(1) says the same

Needs root: it acts as ordinary users of every Debian.
"""
import csv
import datetime
import io
import json
import os
import sys
import harness
from harness import Cluster, check, wait_for

# Each role, and who has it. "ann" has jobs in an account of the customer "physics", whose
# coordinator "carol" is; "bob" has one of the customer "acme"; "nemo" has no association.
ROLES = {
    "root": None,
    "administrator": "backup",
    "operator": "mail",
    "coordinator": "games",
    "user": "daemon",
    "another user": "bin",
    "without association": "news",
}
ANN, BOB, CAROL, NEMO = "daemon", "bin", "games", "news"
ADMINS = {"root", "administrator"}
OPERATORS = ADMINS | {"operator"}
OF_PHYSICS = OPERATORS | {"coordinator"}
EVERYBODY = set(ROLES)
CONFIG = """
cluster_name: rights
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
billing_period: 1
private_data: jobs,usage
nodes:
  - {node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 8, sockets: 8, cores_per_socket: 1,
     real_memory: 1000, autodetect: no}
partitions:
  - {partition_name: batch, nodes: "n[1-2]", default: yes}
"""
PRICES = """
price_books:
  - {name: standard, version: 1, currency: CHF, valid_from: 2020-01-01,
     prices: [{sku: core, meter: cpu, price: 3600, service: HPC}]}
customers:
  - {name: physics, account: physics, kind: prepaid, currency: CHF, book: standard}
  - {name: acme, account: acme, kind: postpaid, currency: CHF, book: standard,
     credit_limit: 100000}
"""
cluster: Cluster
facts = {}  # what commands name: PRICES, MONTH, CHARGE, JOB, ...

# What changes something: who may. The words in capitals stand for facts.
DOING = [
    ("sluice bill prices check PRICES", ADMINS),
    ("sluice bill prices load PRICES", ADMINS),
    ("sluice bill customer add NEW --account plain --currency CHF --book standard", ADMINS),
    ("sluice bill customer set physics --grace 5", ADMINS),
    ("sluice bill topup physics 1", ADMINS),
    ("sluice bill withdraw physics 1", ADMINS),
    ("sluice bill pay acme 1", ADMINS),
    ("sluice bill credit physics 1", ADMINS),
    ("sluice bill adjust physics -1", ADMINS),
    ("sluice bill refund CHARGE 0.01", ADMINS),
    ("sluice bill transfer physics acme 1", ADMINS),
    ("sluice bill buy physics hours --meter cpu --units 1 --price 1", ADMINS),
    ("sluice bill close LAST_MONTH", ADMINS),
    ("sluice bill verify", OPERATORS),
    ("sbatch --quote -n1 -t1 --wrap true", EVERYBODY),
    ("sluice bill quote -n1 -t1 --wrap true", EVERYBODY),
    ("sluice rebuild", ADMINS),
    ("sacctmgr archive dump", set()),  # nobody: archives are files
    ("scontrol reconfigure", ADMINS),
    ("sacctmgr -i add account ACCOUNT", OPERATORS),
    ("sacctmgr -i modify qos normal set GrpTRESMins=cpu=100000", OPERATORS),
]


def names(text):
    return set(text.split())


def of_json(key):
    def find(text):
        rows = json.loads(text or "[]")
        return {row[key] for row in rows if row[key]}

    return find


def users_in_focus(text):
    rows = csv.DictReader(io.StringIO(text))
    return {row["x_UserName"] for row in rows if row["ChargeCategory"] == "Usage"}


def users_of_events(what):
    """Of lines of JSON; `-`: an event that is nobody's job's."""

    def find(text):
        records = [json.loads(line)[what] for line in text.splitlines()]
        jobs = [record if what == "job" else record.get("job") for record in records]
        return {job["user"] if job else "-" for job in jobs}

    return find


def whole_statement(text):
    said = json.loads(text)
    return {line["user"] for line in said["usage"]} | ({"balance"} if "before" in said else set())


BOTH = {"physics", "acme"}
ALL = {ANN, BOB}
# What shows something: how to read it, and what each role sees; None: it is refused.
SEEING = [
    (
        "sluice bill prices show --json",
        of_json("name"),
        dict.fromkeys(ROLES, {"standard"}),
    ),
    (
        "sluice bill customer list --json",
        of_json("name"),
        dict.fromkeys(OPERATORS, BOTH)
        | {"coordinator": {"physics"}, "user": {"physics"}, "another user": {"acme"}}
        | {"without association": set()},
    ),
    (
        "sluice bill balance --json",
        of_json("customer"),
        dict.fromkeys(OPERATORS, BOTH)
        | {"coordinator": {"physics"}, "user": set(), "another user": set()}
        | {"without association": set()},
    ),
    (
        "sluice bill balance physics --json",
        of_json("customer"),
        dict.fromkeys(OF_PHYSICS, {"physics"}) | dict.fromkeys(EVERYBODY - OF_PHYSICS),
    ),
    (
        "sluice bill statement physics --json",
        whole_statement,
        dict.fromkeys(OF_PHYSICS, {ANN, "balance"})
        | {"user": {ANN}, "another user": None, "without association": None},
    ),
    (
        "sluice bill invoice physics --month MONTH --format json",
        lambda text: {line["user"] for line in json.loads(text)["lines"] if line["user"]},
        dict.fromkeys(OF_PHYSICS, {ANN}) | dict.fromkeys(EVERYBODY - OF_PHYSICS),
    ),
    (
        "sluice bill export --month MONTH --format json",
        of_json("user"),
        dict.fromkeys(OPERATORS, ALL)
        | {"coordinator": {ANN}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        "sluice bill export --month MONTH --format focus",
        users_in_focus,
        dict.fromkeys(OPERATORS, ALL)
        | {"coordinator": {ANN}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        "sacct -a -X -n -P -o user",
        names,
        dict.fromkeys(OPERATORS, ALL)
        | {"coordinator": {ANN}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        "sreport -n -P user top start=now-1hour end=now+1hour format=login",
        names,
        dict.fromkeys(OPERATORS, ALL)
        | {"coordinator": {ANN}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        "sshare -a -n -P -o user",
        lambda text: names(text) & ALL,
        dict.fromkeys(OPERATORS, ALL)
        | {"coordinator": {ANN}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        # The nodes answer, who know the job's user and root.
        "sstat -n -P -a -j RUNNING -o jobid",
        lambda text: {"steps"} if names(text) else set(),
        {role: {"steps"} if role in ("root", "user") else set() for role in ROLES},
    ),
    (
        "sluice events --json --kind job",
        users_of_events("job"),
        dict.fromkeys(OPERATORS, ALL)
        | {"coordinator": {ANN}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        "sluice events --json --kind ledger",
        users_of_events("entry"),
        dict.fromkeys(OPERATORS, ALL | {"-"})
        | {"coordinator": {ANN, "-"}, "user": {ANN}, "another user": {BOB}}
        | {"without association": set()},
    ),
    (
        "sluice eff JOB",
        lambda text: {"efficiency"} if text.strip() else set(),
        dict.fromkeys(OF_PHYSICS | {"user"}, {"efficiency"})
        | dict.fromkeys(EVERYBODY - OF_PHYSICS - {"user"}),
    ),
    (
        "sluice why WAITING",
        lambda text: {"reason"} if text.strip() else set(),
        dict.fromkeys(OF_PHYSICS | {"user"}, {"reason"})
        | dict.fromkeys(EVERYBODY - OF_PHYSICS - {"user"}),
    ),
]


def run(command, role):
    words = [facts.get(word, word) for word in command.split()]
    return cluster.run(*words, user=ROLES[role])


def set_up():
    cluster.must("sacctmgr", "-i", "add", "account", "physics,acme,staff,plain")
    cluster.must("sacctmgr", "-i", "add", "account", "optics", "parent=physics")
    for role, account in (
        ("administrator", "staff"),
        ("operator", "staff"),
        ("coordinator", "optics"),
        ("user", "optics"),
        ("another user", "acme"),
    ):
        cluster.must("sacctmgr", "-i", "add", "user", ROLES[role], f"account={account}")
    for role in ("administrator", "operator"):
        cluster.must("sacctmgr", "-i", "modify", "user", ROLES[role], "set", f"adminlevel={role}")
    cluster.must("sacctmgr", "-i", "add", "coordinator", CAROL, "account=physics")
    path = cluster.work / "prices.yaml"
    path.write_text(PRICES)
    path.chmod(0o644)
    cluster.must("sluice", "bill", "prices", "load", path)
    cluster.must("sluice", "bill", "topup", "physics", "10000")
    now = datetime.datetime.now(datetime.timezone.utc)
    facts.update(PRICES=path, MONTH=now.strftime("%Y-%m"), LAST_MONTH="2020-01")
    some_jobs()
    export = cluster.must(
        "sluice", "bill", "export", "--format", "json", "--month", facts["MONTH"]
    )  # fmt: skip
    of_job = [e for e in json.loads(export) if e["job"] == facts["JOB"] and e["kind"] == "charge"]
    facts["CHARGE"] = str(of_job[0]["entry"])


def some_jobs():
    done = {
        user: cluster.submit("-A", account, "-t1", "-n1", wrap="exec sleep 1.1", user=user)
        for user, account in ((ANN, "optics"), (BOB, "acme"))
    }
    for job in done.values():
        cluster.wait_state(job, "COMPLETED")
    running = cluster.submit("-A", "optics", "-t10", "-n1", wrap="exec sleep 600", user=ANN)
    waiting = cluster.submit("-A", "optics", "-t10", "--begin=now+1day", user=ANN)
    cluster.wait_state(running, "RUNNING")
    facts.update(JOB=done[ANN], RUNNING=running, WAITING=waiting)
    wait_for(
        lambda: str(running) in cluster.run("sstat", "-n", "-P", "-a", "-j", running).stdout,
        20, "the running step",
    )  # fmt: skip


def entries():
    """How many there are, without what follows from use."""
    text = cluster.must(
        "sluice", "bill", "export", "--format", "csv", "--month", facts["MONTH"]
    )  # fmt: skip
    return [line for line in text.splitlines() if ",charge," not in line]


def is_refusal(done):
    words = ("denied", "Invalid user id", "there is no customer", "past months are files")
    return any(word in done.stderr for word in words)


def everybody_sees_what_they_may():
    for command, read, expected in SEEING:
        check(set(expected) == EVERYBODY, f"{command}: a role is missing")
        for role in ROLES:
            done = run(command, role)
            wanted = expected[role]
            if wanted is None:
                told = done.stderr.strip().splitlines()
                check(done.returncode != 0 and told, f"{role}: {command}: {done}")
                check(ANN not in done.stdout, f"{role}: {command}: {done}")
                continue
            check(done.returncode == 0, f"{role}: {command}: {done}")
            got = read(done.stdout)
            check(got == wanted, f"{role}: {command}: {got}, not {wanted}")


def everybody_does_what_they_may():
    """Those who may not are refused, and nothing has changed; the others get another answer."""
    for command, allowed in DOING:
        before = entries()
        for role in sorted(EVERYBODY - allowed):
            facts.update(NEW=f"new{len(role)}", ACCOUNT=f"of{len(role)}")
            done = run(command, role)
            check(done.returncode == 1 and is_refusal(done), f"{role}: {command}: {done}")
        check(entries() == before, f"{command} changed something when it was refused")
        for role in sorted(allowed):
            facts.update(NEW=f"new{len(role)}", ACCOUNT=f"of{len(role)}")
            done = run(command, role)
            check(not is_refusal(done), f"{role}: {command}: {done}")
            repeated = "closed already" in done.stderr or "belongs to customer" in done.stderr
            check(done.returncode == 0 or repeated, f"{role}: {command}: {done}")


def print_table():
    width = max(len(command) for command, *_ in DOING + SEEING) + 2
    print(" " * width + "  ".join(ROLES))
    for command, allowed in DOING:
        marks = ("yes" if role in allowed else "no" for role in ROLES)
        print(command.ljust(width) + "  ".join(m.ljust(len(r)) for m, r in zip(marks, ROLES)))
    for command, _, expected in SEEING:
        most = expected["root"]
        marks = (
            "no" if expected[r] is None else "all" if expected[r] == most
            else ",".join(sorted(expected[r])) or "nothing"
            for r in ROLES
        )  # fmt: skip
        print(command.ljust(width) + "  ".join(m.ljust(len(r)) for m, r in zip(marks, ROLES)))


def main():
    global cluster
    if "--table" in sys.argv[1:]:
        return print_table()
    if os.geteuid() != 0:
        raise SystemExit(77)
    with Cluster(config=CONFIG) as cluster:
        set_up()
        harness.main(everybody_sees_what_they_may, everybody_does_what_they_may)


if __name__ == "__main__":
    main()
