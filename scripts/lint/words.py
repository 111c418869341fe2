"""Words that say that something is not done, and paths of the machine it was written on."""

import re

import common

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bnot (?:yet )?implemented\b", re.I)
SHOUTED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE = re.compile(r"(?<![\w.$}~/-])/(?:work|farm|old_root|tmp/(?:brief|bash_jobs))(?:/|\b)")


def scan():
    for path in common.files():
        if path.startswith("scripts/lint/") or path.startswith("test/compat/recorded/"):
            continue
        source = path.endswith((".cpp", ".hpp", ".c", ".h", ".py", ".sh", ".cmake", ".txt"))
        pattern = UNFINISHED if source else SHOUTED
        for number, line in enumerate(common.text(path).splitlines(), 1):
            found = pattern.search(line)
            if found and (SHOUTED.search(line) or found.group().islower()):
                yield "unfinished", path, number, f"“{found.group()}”: finish it or leave it out"
            found = MACHINE.search(line)
            if found:
                yield "machine-path", path, number, f"{found.group()} is of one machine"
