#!/usr/bin/env python3
"""Money and core-minutes run out on real daemons, while jobs of two users of an account run and
wait.

Nobody overdraws by more than policy says: the amounts are computed from the ledger's entries, the
minutes from sacct. Each waiting job says why it waits, each one that was ended why it ended; a
threshold is told of once for each crossing; a grace time goes on when the controller is killed in
it. Needs root.
"""
import datetime
import decimal
import json
import os
import harness
from harness import Cluster, check, wait_for

ANN, BOB = "daemon", "bin"
D = decimal.Decimal
CONFIG = """
cluster_name: runout
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
billing_period: 1
accounting_storage_enforce: {enforce}
priority_type: priority/multifactor
priority_calc_period: 0:01  # a second
priority_decay_half_life: 0
nodes:
  - {{node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 8, sockets: 8, cores_per_socket: 1,
     real_memory: 1000, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: "n[1-2]", default: yes}}
"""
# A core-second of "dear" costs 1. One of "rising" costs 0.01, and 10 from a moment on.
CUSTOMERS = """
customers:
  - {name: team, account: team, kind: prepaid, currency: CHF, book: dear, warn_at: [65, 61]}
  - {name: strict, account: strict, kind: prepaid, currency: CHF, book: rising, warn_at: [150, 50]}
  - {name: lenient, account: lenient, kind: prepaid, currency: CHF, book: rising,
     overdraft: 100, grace: 4}
"""
DEAR = """  - {name: dear, version: 1, currency: CHF, valid_from: 2020-01-01,
     prices: [{sku: core, meter: cpu, price: 3600, service: HPC}]}
"""
RISING = """  - {{name: rising, version: 1, currency: CHF, valid_from: 2020-01-01{until},
     prices: [{{sku: core, meter: cpu, price: 36, service: HPC}}]}}
"""
RISEN = """  - {{name: rising, version: 2, currency: CHF, valid_from: "{since}",
     prices: [{{sku: core, meter: cpu, price: 36000, service: HPC}}]}}
"""
cluster: Cluster


def bill(*words):
    return cluster.must("sluice", "bill", *words)


def load(since=None):
    text = "price_books:\n" + DEAR
    text += RISING.format(until=f', valid_until: "{since}"' if since else "")
    text += RISEN.format(since=since) if since else ""
    path = cluster.work / "prices.yaml"
    path.write_text(text + CUSTOMERS)
    bill("prices", "load", path)


def utc(seconds_ahead):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    return (now + datetime.timedelta(seconds=seconds_ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def entries(customer):
    """Of this month and the one before, for a test that runs over a month's end."""
    first = datetime.datetime.now(datetime.timezone.utc).replace(day=1)
    before = first - datetime.timedelta(days=1)
    found = []
    for month in (before.strftime("%Y-%m"), first.strftime("%Y-%m")):
        words = ("export", "--format", "json", "--month", month, "--customer", customer)
        found += json.loads(bill(*words))
    return sorted(found, key=lambda entry: entry["entry"])


def posted(entry, account):
    pairs = (pair.rsplit(":", 1) for pair in entry["postings"].split())
    return sum((D(amount) for name, amount in pairs if name == account), D(0))


def lowest(customer):
    """The least that was ever available to a prepaid customer, entry by entry."""
    left = least = D(0)
    for entry in entries(customer):
        left += posted(entry, "balance")
        least = min(least, left)
    return least


def balance(customer):
    return next(one for one in json.loads(bill("balance", "--json")) if one["customer"] == customer)


def submit(user, account, *words, wrap="exec sleep 600"):
    return cluster.must(
        "sbatch", "--parsable", "-A", account, "-D", "/", "-o", "/dev/null", *words,
        "--wrap", wrap, user=user,
    ).strip()  # fmt: skip


def jobs(account):
    """Job or task: state, reason."""
    text = cluster.must("squeue", "-h", "-r", "-A", account, "-t", "all", "-o", "%i|%T|%r")
    return {line.split("|")[0]: line.split("|")[1:] for line in text.splitlines()}


def of_state(account, state):
    return [job for job, (is_in, _) in jobs(account).items() if is_in == state]


def all_wait_for(account, count, reason):
    """So many wait, and each says that it does so for this."""
    waiting = [why for state, why in jobs(account).values() if state == "PENDING"]
    return len(waiting) == count and set(waiting) == {reason}


def gone(account):
    cluster.must("scancel", "-A", account)
    wait_for(lambda: not of_state(account, "RUNNING"), 30, f"the end of {account}'s jobs")
    wait_for(lambda: not of_state(account, "COMPLETING"), 30, f"the nodes of {account}'s jobs")


def set_up():
    cluster.must("sacctmgr", "-i", "add", "account", "team,strict,lenient,minutes")
    cluster.must("sacctmgr", "-i", "add", "account", "part", "parent=lenient")
    for account in ("team", "strict", "part", "minutes"):
        for user in (ANN, BOB):
            cluster.must("sacctmgr", "-i", "add", "user", user, f"account={account}")
    load()


def only_who_can_pay_starts():
    """Ten jobs of two users at once; each has 60 held, and there is money for three."""
    array = submit(ANN, "team", "-n1", "-t1", "--array=1-6")
    for _ in range(4):
        submit(BOB, "team", "-n1", "-t1")
    wait_for(lambda: all_wait_for("team", 10, "BillingFundsLimit"), 20, "the reason of all ten")
    why = cluster.must("sluice", "why", array)
    check("60.00 CHF are to be held for it, and 0.00 CHF are available (0.00 CHF" in why, why)
    bill("topup", "team", "190")
    wait_for(lambda: len(of_state("team", "RUNNING")) == 3, 20, "three starts")
    wait_for(lambda: all_wait_for("team", 7, "BillingFundsLimit"), 20, "the reason of seven")
    why = cluster.must("sluice", "why", of_state("team", "PENDING")[0])
    check("60.00 CHF are to be held for it, and 10.00 CHF are available (1" in why, why)
    check(lowest("team") == 0, f"overdrawn by {lowest('team')}")
    gone("team")


def what_is_left_shrinks_until_nobody_starts():
    """Each job costs two or three of 66, so at most four of eight start; notices at 65 and 61."""
    check(not [e for e in entries("team") if e["kind"] == "notice"], "a notice before its time")
    bill("withdraw", "team", str(D(balance("team")["available"]) - 66))
    submit(ANN, "team", "-n1", "-t1", "--array=1-4", wrap="exec sleep 1.2")
    for _ in range(4):
        submit(BOB, "team", "-n1", "-t1", wrap="exec sleep 1.2")
    wait_for(
        lambda: D(balance("team")["held"]) == 0 and D(balance("team")["available"]) < 60
        and all_wait_for("team", len(of_state("team", "PENDING")), "BillingFundsLimit"),
        60, "the money to be used up",
    )  # fmt: skip
    left = D(balance("team")["available"])
    check(len(of_state("team", "PENDING")) >= 4 and 56 <= left < 60, f"{left}: {jobs('team')}")
    check(lowest("team") == 0, f"overdrawn by {lowest('team')}")
    told = [D(e["amount"]) for e in entries("team") if e["kind"] == "notice"]
    check(told == [65, 61], f"notices of {told}")
    check("Below" in bill("balance", "team"), bill("balance", "team"))
    check("notice" in bill("statement", "team"), bill("statement", "team"))
    # Above it again, and below once more: told once more.
    gone("team")
    bill("topup", "team", "10")
    bill("withdraw", "team", "7")
    told = [D(e["amount"]) for e in entries("team") if e["kind"] == "notice"]
    check(told == [65, 61, 65] or told == [65, 61, 65, 61], f"notices of {told}")


def ends_are_told(jobs_of, account):
    """What ended for want of money says so, and cost nothing after the time that it was given."""
    for job in jobs_of:
        cluster.wait_state(job, "TIMEOUT", seconds=40)
        line = cluster.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "state,reason").strip()
        check(line == "TIMEOUT|BillingFundsLimit", f"{account}: job {job}: {line}")
    wait_for(lambda: D(balance(account)["held"]) == 0, 10, "the last release")
    all_of = entries(account)
    for end in (e for e in all_of if e["kind"] == "release" and e["fate"]):
        last = [e["to_us"] for e in all_of if e["kind"] == "notice" and e["job"] == end["job"]]
        late = [
            e for e in all_of if e["kind"] == "charge" and e["job"] == end["job"] and last
            and e["to_us"] > max(last)
        ]  # fmt: skip
        check(not late, f"{account}: charged after its grace time: {late}")
    return all_of


def running_jobs_end_when_the_money_does():
    """Six jobs run when the price becomes a thousand times as high. A job costs 20 a second then.
    "strict" has 84 beside what is held: never below zero. "lenient" has 100 of overdraft and four
    seconds of grace, and the controller is killed in those.
    """
    for customer, amount in (("strict", "300"), ("lenient", "216")):
        bill("topup", customer, amount)
    started = {}
    for account in ("strict", "part"):
        started[account] = [submit(ANN, account, "-n2", "-t60") for _ in range(2)]
        started[account].append(submit(BOB, account, "-n2", "-t60"))
    wait_for(
        lambda: len(of_state("strict", "RUNNING") + of_state("part", "RUNNING")) == 6,
        20, "six starts",
    )  # fmt: skip
    check(D(balance("strict")["held"]) > 200, balance("strict"))
    load(since=utc(4))
    wait_for(lambda: D(balance("strict")["available"]) < 20, 10, "all is held for the new price")
    # Who comes now waits, and both waiting and running are told in amounts.
    waiting = submit(BOB, "strict", "-n1", "-t60")
    wait_for(lambda: jobs("strict")[waiting][1] == "BillingFundsLimit", 20, "its reason")
    why = cluster.must("sluice", "why", waiting)
    check("CHF are to be held" in why and "CHF are available" in why, why)
    graces = wait_for(
        lambda: [e for e in entries("lenient") if e["kind"] == "notice" and e["job"]],
        40, "a grace time",
    )  # fmt: skip
    cluster.kill("controller")
    cluster.up()
    of_lenient = ends_are_told(started["part"], "lenient")
    of_strict = ends_are_told(started["strict"], "strict")
    check(lowest("strict") == 0, f"strict is overdrawn by {lowest('strict')}")
    check(not [e for e in of_strict if e["kind"] == "notice" and e["job"]], "a grace for strict")
    told = [D(e["amount"]) for e in of_strict if e["kind"] == "notice"]
    check(told == [150, 50], f"notices of strict: {told}")
    times = {e["job"]: e["to_us"] for e in graces}
    again = [e for e in of_lenient if e["kind"] == "notice" and e["job"] in times]
    check(len(again) == len(times), f"a grace time began anew: {again}")
    most = D(-100) - 3 * 4 * 20
    check(most <= lowest("lenient") < 0, f"lenient was overdrawn by {lowest('lenient')}")
    print(f"     least available: strict {lowest('strict')}, lenient {lowest('lenient')} of {most}")
    check("all sound" in bill("verify"), "verify")


def used_s(account):
    """Core-seconds by sacct."""
    text = cluster.must("sacct", "-X", "-n", "-P", "-a", "-A", account, "-o", "cputimeraw")
    return sum(int(line) for line in text.split())


def minutes_run_out(holder, reason, ended):
    """Twelve cores of two users run on one core-minute: it is looked at once a second."""
    before = used_s("minutes")
    cluster.must("sacctmgr", "-i", "modify", *holder, "GrpTRESMins=cpu=1", "RawUsage=0")
    running = [submit(user, "minutes", "-n2", "-t10") for user in (ANN, BOB, ANN, BOB, ANN, BOB)]
    for job in running:
        cluster.wait_state(job, "TIMEOUT", seconds=40)
        line = cluster.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "reason").strip()
        check(line == ended, f"job {job}: {line}")
    waiting = [submit(user, "minutes", "-n1", "-t1") for user in (ANN, BOB)]
    wait_for(lambda: all_wait_for("minutes", 2, reason), 20, f"{reason}: {jobs('minutes')}")
    why = cluster.must("sluice", "why", waiting[0])
    check(reason in why and "1" in why, why)
    used = used_s("minutes") - before
    # A second to the next look, one that sacct rounds to, one of a busy machine; for twelve cores.
    check(60 - 12 <= used <= 60 + 3 * 12, f"{used} core-seconds of 60")
    print(f"     {reason}: {used} core-seconds used of 60")
    gone("minutes")
    cluster.must("sacctmgr", "-i", "modify", *holder, "GrpTRESMins=cpu=-1", "RawUsage=0")


def minutes_of_accounts_and_qos():
    minutes_run_out(
        ("account", "minutes", "set"), "AssocGrpCPUMinutesLimit", "AssociationTimeLimit"
    )
    cluster.must("sacctmgr", "-i", "modify", "qos", "normal", "set", "flags=NoDecay")
    minutes_run_out(("qos", "normal", "set"), "QOSGrpCPUMinutesLimit", "QOSTimeLimit")
    cluster.must("sacctmgr", "-i", "modify", "qos", "normal", "set", "flags=-1")


def minutes_of_one_job():
    for holder, option, reason in (
        (("account", "minutes"), "MaxTRESMins", "AssocMaxCpuMinutesPerJobLimit"),
        (("qos", "normal"), "MaxTRESMinsPerJob", "QOSMaxCpuMinutesPerJobLimit"),
    ):
        cluster.must("sacctmgr", "-i", "modify", *holder, "set", f"{option}=cpu=3")
        large = submit(ANN, "minutes", "-n2", "-t2")
        small = submit(BOB, "minutes", "-n1", "-t3")
        cluster.wait_state(small, "RUNNING", seconds=20)
        wait_for(lambda: jobs("minutes")[large][1] == reason, 20, reason)
        gone("minutes")
        cluster.must("sacctmgr", "-i", "modify", *holder, "set", f"{option}=cpu=-1")


def safe_never_overdraws():
    """What could use more than is left doesn't start, so nothing is overdrawn at all."""
    (cluster.dir / "sluice.yaml").write_text(CONFIG.format(enforce="safe,qos"))
    cluster.must("scontrol", "reconfigure")
    holder = ("account", "minutes", "set")
    cluster.must("sacctmgr", "-i", "modify", *holder, "GrpTRESMins=cpu=3", "RawUsage=0")
    for user in (ANN, BOB, ANN, BOB, ANN):
        submit(user, "minutes", "-n1", "-t1")
    wait_for(lambda: len(of_state("minutes", "RUNNING")) == 3, 20, "three of one minute each")
    wait_for(lambda: all_wait_for("minutes", 2, "AssocGrpCPUMinutesLimit"), 20, "two wait")
    gone("minutes")


def main():
    global cluster
    if os.geteuid() != 0:
        raise SystemExit(77)
    with Cluster(config=CONFIG.format(enforce="limits,qos")) as cluster:
        set_up()
        harness.main(
            only_who_can_pay_starts,
            what_is_left_shrinks_until_nobody_starts,
            running_jobs_end_when_the_money_does,
            minutes_of_accounts_and_qos,
            minutes_of_one_job,
            safe_never_overdraws,
        )


if __name__ == "__main__":
    main()
