#!/usr/bin/env python3
"""Whether the books of a site close: reads a folder of exports (collect.py) and nothing else.

Usage: reconcile.py FOLDER
"""
import collections
import sys

import focus_rules
import reconcile_money
import reconcile_reports
import reconcile_use
from findings import Findings
from records import Exports


def reconcile(folder):
    """(findings, how many runs ended in each way)"""
    exports, findings = Exports(folder), Findings()
    reconcile_use.use(findings, exports)
    reconcile_money.money(findings, exports)
    reconcile_reports.reports(findings, exports)
    focus_rules.focus(findings, exports)
    fates = collections.Counter(run.state for run in exports.attempts if run.ran)
    fates["CANCELLED before its start"] = sum(not run.ran for run in exports.attempts)
    fates["suspended for a while"] = sum(run.still_s > 0 for run in exports.attempts)
    fates["of arrays"] = sum("_" in run.label for run in exports.attempts)
    fates["of heterogeneous jobs"] = sum("+" in run.label for run in exports.attempts)
    fates["with devices"] = sum("gres/gpu" in run.tres for run in exports.attempts)
    fates["with licences"] = sum(bool(run.licences) for run in exports.attempts if run.ran)
    kinds = collections.Counter(entry.kind for entry in exports.entries)
    return findings, {"runs": fates, "entries": kinds}


def show(findings, counts):
    for title, numbers in counts.items():
        print(f"{title}: {sum(numbers.values()) if title == 'entries' else ''}".rstrip(": ") + ":")
        for name, number in sorted(numbers.items(), key=lambda pair: -pair[1]):
            print(f"  {name:<58} {number:>9}")
    print(f"compared:\n{findings.text()}")
    total, wrong = sum(findings.looked.values()), sum(map(len, findings.wrong.values()))
    print(f"{total} comparisons, {wrong} wrong")


if __name__ == "__main__":
    found, counted = reconcile(sys.argv[1])
    show(found, counted)
    sys.exit(0 if found.sound else 1)
