#!/usr/bin/env python3
"""Money on a real controller: prices and customers, jobs that are paid for and jobs that can't be,
invoices and exports that agree with each other, who may see and do what, broken input, a controller
that is killed. Needs root.
"""
import csv
import datetime
import decimal
import io
import json
import os
import re
import sqlite3
import harness
from harness import Cluster, check, wait_for

ANN, BOB, EVE = "daemon", "bin", "games"
PRICES = """
price_books:
  - name: standard
    version: 1
    currency: CHF
    valid_from: 2020-01-01
    prices:
      - {sku: core, meter: cpu, unit: core-hour, price: 3600, service: HPC batch}
customers:
  - {name: physics, account: physics, kind: prepaid, currency: CHF, book: standard}
  - {name: acme, account: acme, kind: postpaid, currency: CHF, book: standard,
     credit_limit: 1000000, discount: 10, display_name: Acme Ltd}
"""
CONFIG = """
cluster_name: bills
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
billing_period: 1
nodes:
  - {node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 4, sockets: 4, cores_per_socket: 1,
     real_memory: 1000, autodetect: no}
partitions:
  - partition_name: batch
    nodes: n[1-2]
    default: yes
"""
# Of a time in which the first one holds too.
SECOND = """  - name: standard
    version: 2
    currency: CHF
    valid_from: {}
    prices:
      - {{sku: core, meter: cpu, unit: core-hour, price: 1, service: HPC}}
"""
cluster: Cluster
D = decimal.Decimal


def bill(*words, **options):
    return cluster.run("sluice", "bill", *words, **options)


def must(*words, **options):
    return cluster.must("sluice", "bill", *words, **options)


def refused(words, told, **options):
    done = bill(*words, **options)
    lines = done.stderr.strip().splitlines()
    check(done.returncode != 0 and told in done.stderr, f"{words}: {done}")
    check(len(lines) == 1 and lines[0].startswith("sluice: error: "), f"{words}: {lines}")


def write(name, text):
    path = os.path.join(cluster.work, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def month():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")


def balance(name):
    return next(one for one in json.loads(must("balance", "--json")) if one["customer"] == name)


def submit(user, *words):
    return cluster.must(
        "sbatch", "--parsable", "-D", "/tmp", "-o", "/dev/null", *words, user=user
    ).strip()


def state(job):
    return cluster.must("squeue", "-h", "-j", job, "-o", "%T %r", "-t", "all").strip()


def entries():
    return json.loads(must("export", "--format", "json", "--month", month()))


def set_up():
    cluster.must("sacctmgr", "-i", "add", "account", "physics,acme,plain")
    cluster.must("sacctmgr", "-i", "add", "account", "optics", "parent=physics")
    for user, account in ((ANN, "optics"), (BOB, "acme"), (EVE, "plain")):
        cluster.must("sacctmgr", "-i", "add", "user", user, f"account={account}")
    path = write("prices.yaml", PRICES)
    told = must("prices", "check", path)
    check("no fault" in told and json.loads(must("prices", "show", "--json")) == [], told)
    must("prices", "load", path)


def broken_prices_change_nothing():
    before = must("prices", "show", "--json")
    for text, line in (
        (PRICES.replace("currency: CHF\n    valid", "valid"), 3),
        (PRICES.replace("price: 3600", "price: many"), 8),
        (PRICES.replace("meter: cpu", "meter: apples"), 8),
        (PRICES.replace("book: standard,\n     credit", "book: other,\n     credit"), 11),
        (PRICES.replace("price: 3600", "price: 3601"), 4),
        (PRICES.replace("customers:", SECOND.format("2025-01-01") + "customers:"), 12),
        (PRICES + "  nonsense\n", 13),
    ):
        path = write("broken.yaml", text)
        done = bill("prices", "load", path)
        check(done.returncode == 1 and f"broken.yaml:{line}" in done.stderr, f"{line}: {done}")
    check(must("prices", "show", "--json") == before, "a broken file changed prices")


def who_cant_pay_waits_and_says_why():
    """A core-second costs 1: five minutes of two cores are 600."""
    job = submit(ANN, "-A", "optics", "-n", "2", "-t", "5", "--wrap", "sleep 2")
    wait_for(lambda: "BillingFundsLimit" in state(job), 20, "the reason")
    why = cluster.must("sluice", "why", job)
    check("600.00 CHF are to be held" in why and "0.00 CHF are available" in why, why)
    must("topup", "physics", "1000", "--request-id", "1" * 32)
    again = must("topup", "physics", "1000", "--request-id", "1" * 32)
    check(D(balance("physics")["received"]) == 1000, f"a repeated top-up counted twice: {again}")
    wait_for(lambda: "COMPLETED" in state(job), 30, "the end of the job")
    have = balance("physics")
    used = D(have["used"])
    check(D("3.5") < used < 20 and D(have["held"]) == 0, have)
    check(D(have["balance"]) == 1000 - used, have)


def quotes_come_before():
    text = must("quote", "-A", "optics", "-n", "2", "-t", "10", "--wrap", "true", user=ANN)
    check("The most:   1200.00 CHF" in text, text)
    text = cluster.must("sbatch", "--quote", "-n2", "-t10", "--wrap", "true", user=BOB)
    check("The most:   1080.00 CHF" in text and "Acme" not in text, text)
    text = cluster.must("sbatch", "--quote", "-n2", "--wrap", "true", user=EVE)
    check("no customer" in text, text)
    check("quote" not in cluster.must("squeue", "-h"), "a quote was submitted")


def jobs_of_others_cost_others():
    job = submit(BOB, "-n", "1", "-t", "5", "--array", "1-3", "--wrap", "sleep 1")
    free = submit(EVE, "-n", "1", "-t", "5", "--wrap", "sleep 1")
    cancelled = submit(BOB, "-n", "1", "-t", "5", "--wrap", "sleep 600")
    wait_for(lambda: "RUNNING" in state(cancelled), 20, "its start")
    wait_for(lambda: D(balance("acme")["used"]) > 2, 20, "charges while it runs")
    cluster.must("scancel", cancelled, user=BOB)
    for one in (job, free, cancelled):
        wait_for(lambda: "PENDING" not in state(one) and "RUNNING" not in state(one), 30, one)
    wait_for(lambda: D(balance("acme")["held"]) == 0, 20, "the last release")
    check(not any(e["account"] == "plain" for e in entries()), "nobody's jobs were charged")


def everything_agrees():
    """Entries, statement, invoice and FOCUS file to the last millionth."""
    all_of = entries()
    for entry in all_of:
        sums = [D(p.split(":")[1]) for p in entry["postings"].split()]
        check(sum(sums) == 0, f"entry {entry['entry']} adds up to {sum(sums)}")
    for name in ("physics", "acme"):
        used = sum(D(e["effective"]) for e in all_of if e["customer"] == name and e["sku"])
        check(used == D(balance(name)["used"]), f"{name}: {used}")
        made = json.loads(must("invoice", name, "--month", month(), "--format", "json"))
        billed = sum(D(e["billed"]) for e in all_of if e["customer"] == name)
        check(D(made["amount"]) == billed, f"{name}: {made['amount']} and {billed}")
        lines = sum(D(line["billed"]) for line in made["lines"])
        check(lines == billed, f"{name}: the lines are {lines}")
        text = must("export", "--customer", name, "--month", month())
        rows = list(csv.DictReader(io.StringIO(text)))
        check(sum(D(row["BilledCost"]) for row in rows) == billed, "FOCUS and invoice differ")
        said = json.loads(must("statement", name, "--json"))
        everything = sum(D(e["effective"]) for e in all_of if e["customer"] == name)
        check(D(said["effective"]) == everything, f"{name}: {said['effective']}")
    for form in ("text", "csv", "html"):
        check(
            "Acme" in must("invoice", "acme", "--month", month(), "--format", form)
            or form == "csv",
            form,
        )
    jobs = {(e["uid128"], e["attempt"]) for e in all_of if e["kind"] == "hold"}
    ended = [(e["uid128"], e["attempt"]) for e in all_of if e["fate"]]
    check(len(ended) == len(set(ended)) and set(ended) == jobs, "an attempt is open or doubled")


def money_moves_by_entries():
    before = D(balance("physics")["balance"])
    charge = next(e for e in entries() if e["kind"] == "charge" and e["customer"] == "physics")
    must("refund", str(charge["entry"]), charge["effective"])
    refused(("refund", str(charge["entry"]), "0.000001"), "which is left of the charge")
    refused(("refund", "999999", "1"), "there is no entry 999999")
    check(D(balance("physics")["balance"]) == before + D(charge["effective"]), "the refund")
    must("adjust", "physics", "-1.5", "--note", "by hand")
    must("credit", "physics", "1.5")
    must("buy", "physics", "hours", "--meter", "cpu", "--units", "2", "--price", "10")
    check(D(balance("physics")["packages"]) == 10, balance("physics"))
    job = submit(ANN, "-A", "optics", "-n", "1", "-t", "1", "--wrap", "sleep 1")
    wait_for(lambda: "COMPLETED" in state(job), 30, "a job of the package")
    drawn = [e for e in entries() if e["job"] == int(job) and e["kind"] == "charge"]
    check(drawn and all(e["package"] == 1 and D(e["billed"]) == 0 for e in drawn), drawn)
    check(all(D(e["effective"]) > 0 for e in drawn), drawn)
    refused(("transfer", "physics", "acme", "100000"), "")
    must("transfer", "physics", "acme", "5")
    must("verify")


def what_was_used_is_not_what_was_paid_in():
    lines = json.loads(must("statement", "physics", "--json"))["usage"]
    used = re.search(r"Used: (\S+) CHF \(list price (\S+) CHF\)", must("statement", "physics"))
    for told, key in zip(used.groups(), ("effective", "list")):
        wanted = sum(decimal.Decimal(line[key]) for line in lines)
        check(decimal.Decimal(told.replace(",", "")) == wanted, f"{key}: {told}, not {wanted}")


def who_may_what():
    for user in (ANN, BOB, EVE):
        for words in (
            ("topup", "physics", "1"),
            ("close", "2020-01"),
            ("customer", "set", "physics", "--closed", "yes"),
            ("prices", "load", os.path.join(cluster.work, "prices.yaml")),
            ("verify",),
        ):
            done = bill(*words, user=user)
            check(done.returncode == 1 and "error" in done.stderr, f"{user} {words}: {done}")
    own = json.loads(must("export", "--format", "json", "--month", month(), user=ANN))
    check(own and {e["user"] for e in own} == {ANN}, "ann sees others")
    check(bill("balance", "physics", user=ANN).returncode == 1, "ann sees the balance")
    check(bill("invoice", "--month", month(), user=ANN).returncode == 1, "ann sees the invoice")
    check("Used:" in must("statement", "physics", user=ANN), "ann's statement")
    what_was_used_is_not_what_was_paid_in()
    check(must("balance", user=EVE) == "", "eve sees balances")
    cluster.must("sacctmgr", "-i", "add", "coordinator", BOB, "account=physics")
    seen = json.loads(must("balance", "--json", user=BOB))
    check([one["customer"] for one in seen] == ["physics"], seen)
    check(
        {
            e["customer"]
            for e in json.loads(must("export", "--format", "json", "--month", month(), user=BOB))
        }
        >= {"physics", "acme"},
        "bob sees his own jobs and physics",
    )
    check(bill("topup", "physics", "1", user=BOB).returncode == 1, "a coordinator tops up")
    cluster.must("sacctmgr", "-i", "delete", "coordinator", BOB, "account=physics")


def a_month_is_closed_once():
    must("close", "2020-01")
    before = len(entries())
    refused(("close", "2020-01"), "2020-01 is closed already")
    refused(("close", "2019-12"), "2019-12 is closed already")
    check(len(entries()) == before, "a refused closing left something")


def wrong_words_are_told():
    for words, told in (
        (("topup", "nobody", "1"), "there is no customer nobody"),
        (("topup", "physics", "much"), "amount: expected an amount"),
        (("topup", "physics", "-1"), ""),
        (("topup", "physics", "1", "--request-id", "xyz"), "--request-id"),
        (("close", month()), "is not over"),
        (("close", "yesterday"), "is not a month"),
        (
            ("customer", "add", "physics", "--account", "a", "--currency", "CHF", "--book", "b"),
            "exists already",
        ),
        (
            (
                "customer",
                "add",
                "new",
                "--account",
                "new",
                "--currency",
                "ABC",
                "--book",
                "standard",
            ),
            "currency",
        ),
        (
            (
                "customer",
                "add",
                "new",
                "--account",
                "acme",
                "--currency",
                "CHF",
                "--book",
                "standard",
            ),
            "belongs to customer acme",
        ),
        (("invoice", "physics", "--month", "2026-13"), "is not a month"),
        (("prices", "load", "/nowhere.yaml"), "/nowhere.yaml"),
        (("invoice", "physics"), "--month is required"),
        (("export", "--month", month(), "--format", "xml"), "--format"),
        (("gift", "physics"), "subcommand"),
        (("transfer", "physics", "physics", "1"), "the same customer"),
    ):
        refused(words, told)


def the_money_runs_out():
    """Held second by second: the job ends when nothing is left, and nothing is overdrawn."""
    must(
        "customer",
        "add",
        "poor",
        "--account",
        "plain",
        "--currency",
        "CHF",
        "--book",
        "standard",
        "--hold-hours",
        "1",
        "--overdraft",
        "2",
    )
    must("topup", "poor", "3600")
    job = submit(EVE, "-n", "1", "-t", "300", "--wrap", "sleep 600")
    wait_for(lambda: "RUNNING" in state(job), 20, "its start")
    second = submit(EVE, "-n", "1", "-t", "300", "--wrap", "true")
    wait_for(lambda: "BillingFundsLimit" in state(second), 20, "the reason of the second")
    cluster.must("scancel", job, second)
    wait_for(lambda: D(balance("poor")["held"]) == 0, 20, "the release")
    must("customer", "set", "poor", "--closed", "yes")
    third = submit(EVE, "-n", "1", "-t", "1", "--wrap", "true")
    wait_for(lambda: "BillingCustomerClosed" in state(third), 20, "the reason of the third")
    cluster.must("scancel", third)


def a_killed_controller_loses_no_entry():
    for _ in range(5):
        jobs = [submit(BOB, "-n", "1", "-t", "5", "--wrap", "sleep 1") for _ in range(4)]
        cluster.kill("controller")
        cluster.up()
        must("verify")
        for job in jobs:
            wait_for(lambda: state(job).split()[0] in ("COMPLETED", "FAILED", "NODE_FAIL"), 60, job)
    wait_for(lambda: D(balance("acme")["held"]) == 0, 20, "the last release")
    everything_agrees()
    check("all sound" in must("verify"), "verify")


def a_tampered_row_is_named():
    cluster.kill("controller")
    path = os.path.join(cluster.dir, "controller", "state", "sluice.db")
    with sqlite3.connect(path) as database:
        row = database.execute("SELECT record FROM ledger WHERE sequence=5").fetchone()[0]
        database.execute("UPDATE ledger SET record=? WHERE sequence=5", (row[:-1] + b"\x07",))
    database.close()
    cluster.up()
    refused(("verify",), "entry 5 is wrong")


def main():
    global cluster
    if os.geteuid() != 0:
        raise SystemExit(77)
    with Cluster(config=CONFIG) as cluster:
        harness.main(
            set_up,
            broken_prices_change_nothing,
            who_cant_pay_waits_and_says_why,
            quotes_come_before,
            jobs_of_others_cost_others,
            everything_agrees,
            money_moves_by_entries,
            who_may_what,
            wrong_words_are_told,
            a_month_is_closed_once,
            the_money_runs_out,
            a_killed_controller_loses_no_entry,
            a_tampered_row_is_named,
        )


if __name__ == "__main__":
    main()
