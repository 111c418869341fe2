#!/usr/bin/env python3
"""The checker can fail: exports of a played site are sound, and each of many small falsifications
of them is found, and named by the right comparison.
"""
import csv
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile

import amounts
import books
import reconcile
import site_of_books as site
from harness import check, main

exports = None  # a folder with sound exports
work = None


class Folder:
    """A copy of the exports, to be falsified."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(dir=work))
        shutil.copytree(exports, self.path, dirs_exist_ok=True)

    def change_json(self, name, change):
        rows = json.loads((self.path / name).read_text())
        rows = change(rows) or rows
        (self.path / name).write_text(json.dumps(rows))

    def change_csv(self, name, change):
        with open(self.path / name, encoding="utf-8", newline="") as file:
            table = list(csv.reader(file))
        head, rows = table[0], [dict(zip(table[0], row)) for row in table[1:]]
        rows = change(rows) or rows
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows([head] + [list(r.values()) for r in rows])
        (self.path / name).write_text(out.getvalue(), encoding="utf-8", newline="")

    def change_lines(self, name, change):
        lines = (self.path / name).read_text().splitlines()
        (self.path / name).write_text("\n".join(change(lines)) + "\n")

    def must_be_found(self, *whats):
        findings, _ = reconcile.reconcile(self.path)
        shutil.rmtree(self.path)
        for what in whats:
            found = [wrong for wrong in findings.wrong if what in wrong]
            check(found, f"not found: {what}; but: {list(findings.wrong)}")


def more(text, by=1):
    """So many millionths more."""
    value = amounts.micros(text) + by
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // amounts.MICRO}.{abs(value) % amounts.MICRO:06}"


def first(rows, **wanted):
    return next(row for row in rows if all(row[k] == v for k, v in wanted.items()))


LEDGER = "entries-2023-11.json"
FOCUS = "focus1.2-2023-11.csv"


def sound_exports_are_sound():
    findings, counts = reconcile.reconcile(exports)
    check(findings.sound, findings.text())
    check(sum(findings.looked.values()) > 10_000, "little was compared")
    check(counts["runs"]["COMPLETED"] > 20, f"{counts}")


def a_charge_off_by_a_millionth():
    """With postings that still add up: only the price file tells."""

    def change(rows):
        row = first(rows, kind="charge", package=0, customer="acme")
        for name in ("contracted", "effective", "amount", "billed"):
            row[name] = more(row[name])
        parts = dict(piece.split(":") for piece in row["postings"].split())
        parts["earnings"] = more(parts["earnings"])
        name = "held" if "held" in parts else "balance"
        parts[name] = more(parts[name], -1)
        row["postings"] = " ".join(f"{k}:{v}" for k, v in parts.items())

    folder = Folder()
    folder.change_json(LEDGER, change)
    folder.must_be_found("quantity and cost", "difference of floors", "balances", "invoices are")


def a_lost_row():
    folder = Folder()
    folder.change_json(LEDGER, lambda rows: rows.remove(first(rows, kind="charge")))
    folder.must_be_found("without a gap", "quantity and cost", "CSV and JSON exports agree")


def a_doubled_row():
    def change(rows):
        rows.append(dict(first(rows, kind="charge", customer="science")))

    folder = Folder()
    folder.change_json(LEDGER, change)
    folder.must_be_found("without a gap", "statements are sums")


def an_attempt_settled_twice():
    def change(rows):
        rows.append(dict(next(row for row in rows if row["fate"]), entry=rows[-1]["entry"] + 1))

    folder = Folder()
    folder.change_json(LEDGER, change)
    folder.must_be_found("settled once")


def a_quantity_of_a_microsecond():
    def change(rows):
        row = first(rows, kind="charge", customer="acme")
        row["priced_seconds"] = more(str(row["priced_seconds"]))

    folder = Folder()
    folder.change_json(LEDGER, change)
    folder.must_be_found("quantity and cost of runs")


def a_hold_that_stays():
    def change(rows):
        row = first(rows, kind="hold", customer="acme")
        row["amount"] = more(row["amount"])

    folder = Folder()
    folder.change_json(LEDGER, change)
    folder.must_be_found("holds and releases", "held at the start")


def a_posting_into_nowhere():
    def change(rows):
        row = first(rows, kind="topup")
        row["postings"] = row["postings"].split()[0]

    folder = Folder()
    folder.change_json(LEDGER, change)
    folder.must_be_found("postings add up", "balances are sums")


def another_price():
    def change(document):
        document["price_books"][0]["prices"][4]["price"] = 0.040001

    folder = Folder()
    folder.change_json("prices.json", change)
    folder.must_be_found("charges name price and discount", "quantity and cost")


def prices_that_change_a_second_later():
    def change(document):
        later = site.moment(site.played().change + 1)
        document["price_books"][0]["valid_until"] = later
        document["price_books"][1]["valid_from"] = later

    folder = Folder()
    folder.change_json("prices.json", change)
    folder.must_be_found("quantity and cost of runs")


def a_closed_month_that_is_changed():
    def change(rows):
        row = next(row for row in reversed(rows) if row["kind"] == "charge")
        row["month"] = "2023-11"

    folder = Folder()
    folder.change_json("entries-2023-12.json", change)
    folder.must_be_found("closed months stay")


def a_balance_an_invoice_a_statement():
    folder = Folder()
    folder.change_json("balances.json", lambda rows: rows[0].update(used=more(rows[0]["used"])))
    folder.change_json(
        "invoice-acme-2023-11.json", lambda row: row.update(amount=more(row["amount"]))
    )
    folder.change_json("statement-bio.json", lambda row: row.update(list=more(row["list"])))
    folder.must_be_found("balances are sums", "invoices are sums of entries", "statements are")


def a_job_that_sacct_forgot():
    folder = Folder()
    last = lambda lines: lines[:-1]  # noqa: E731
    folder.change_lines("sacct.txt", last)
    folder.must_be_found("runs of sacct in the ledger", "sreport, account")


def a_second_in_sacct():
    def change(lines):
        names = lines[0].split("|")
        for number, line in enumerate(lines):
            cells = line.split("|")
            if cells[names.index("State")] == "COMPLETED":
                cells[names.index("End")] = str(int(cells[names.index("End")]) + 1)
                lines[number] = "|".join(cells)
                break
        return lines

    folder = Folder()
    folder.change_lines("sacct.txt", change)
    folder.must_be_found("begin and end as sacct says", "elapsed is")


def a_second_in_reports():
    def plus_one(lines):
        cells = lines[5].split("|")
        cells[-1] = str(int(cells[-1]) + 1)
        return lines[:5] + ["|".join(cells)] + lines[6:]

    folder = Folder()
    for name in ("sreport_users.txt", "sreport_top.txt"):
        folder.change_lines(name, plus_one)
    folder.must_be_found("sreport, account", "sreport, top")


def usage_and_counters():
    def plus_one(lines):
        for number, line in enumerate(lines[1:], 1):
            cells = line.split("|")
            if cells[0].strip() == "acme" and not cells[1].strip():
                cells[2] = str(int(cells[2]) + 1)
                lines[number] = "|".join(cells)
        return lines

    def other_minutes(lines):
        name = next(n for n, line in enumerate(lines) if line.startswith("QOS=standard"))
        place = next(n for n in range(name, len(lines)) if "GrpTRESMins=" in lines[n])
        lines[place] = lines[place].replace("cpu=N(", "cpu=N(1", 1)
        return lines

    folder = Folder()
    folder.change_lines("sshare.txt", plus_one)
    folder.change_lines("assoc_mgr.txt", other_minutes)
    folder.must_be_found("sshare, raw usage", "limits, minutes used")


def focus_changed(change, *whats):
    folder = Folder()
    folder.change_csv(FOCUS, change)
    folder.must_be_found(*whats)


def rows_of_focus():
    def cost(rows):
        row = first(rows, ChargeCategory="Usage", BillingAccountId="acme")
        row["BilledCost"] = more(row["BilledCost"])

    focus_changed(cost, "rows are the ledger's entries", "add up to it")
    focus_changed(lambda rows: rows[1:], "is one row", "add up to it")
    focus_changed(lambda rows: rows + rows[-1:], "is one row")


def values_of_focus():
    def wrong(rows):
        usage = [row for row in rows if row["ChargeCategory"] == "Usage"]
        usage[0]["ChargeCategory"] = "Use"
        usage[1]["ChargePeriodStart"] = "2023-11-29 10:00:00"
        usage[2]["ServiceName"] = ""
        usage[3]["PricingUnit"] = ""
        usage[4]["BillingPeriodEnd"] = "2023-11-30T23:59:59Z"
        usage[5]["EffectiveCost"] = "1,5"

    def read_it():
        folder = Folder()
        folder.change_csv(FOCUS, lambda rows: wrong_but_readable(rows))
        folder.must_be_found(
            "FOCUS 1.2, values", "FOCUS 1.2, columns that go", "FOCUS 1.2, periods"
        )

    def wrong_but_readable(rows):
        wrong(rows)
        usage = [row for row in rows if row["EffectiveCost"] == "1,5"]
        usage[0]["EffectiveCost"] = "01.5"

    read_it()


def columns_of_focus():
    def change(lines):
        head = lines[0].replace("ProviderName,PublisherName", "provider_name,Publisher", 1)
        return [head.replace("x_EntryKind", "EntryKind")] + lines[1:]

    folder = Folder()
    path = folder.path / FOCUS
    lines = change(path.read_text(encoding="utf-8").split("\n"))
    path.write_text("\n".join(lines), encoding="utf-8")
    folder.must_be_found("FOCUS 1.2, columns")


def run():
    global exports, work
    base = os.environ.get("SLUICE_TEST_TMP", "/var/tmp")
    work = pathlib.Path(tempfile.mkdtemp(prefix="sluice-books.", dir=base))
    exports = work / "exports"
    try:
        site_folder = work / "site"
        site_folder.mkdir()
        books.played(60, 7, site_folder, exports)
        main(
            sound_exports_are_sound,
            a_charge_off_by_a_millionth,
            a_lost_row,
            a_doubled_row,
            an_attempt_settled_twice,
            a_quantity_of_a_microsecond,
            a_hold_that_stays,
            a_posting_into_nowhere,
            another_price,
            prices_that_change_a_second_later,
            a_closed_month_that_is_changed,
            a_balance_an_invoice_a_statement,
            a_job_that_sacct_forgot,
            a_second_in_sacct,
            a_second_in_reports,
            usage_and_counters,
            rows_of_focus,
            values_of_focus,
            columns_of_focus,
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run())
