#!/usr/bin/env python3
"""Every reason, limit, flag and mode that Sluice can name is explained in a manual page and brought
about by a test.

    coverage.py PROGRAM     PROGRAM prints the names (names.cpp), from the program's own tables

A reason that no code gives must not be in the manual either. Names of limits may stand in the
manual with TRES in place of Cpu, Mem, ...
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Given only together with the name of a limit, a rule or a device, which is shown in its place.
SHOWN_BY_DETAIL = (
    "AssociationResourceLimit",
    "QOSResourceLimit",
    "AccountNotAllowed",
    "SystemFailure",
)
# Of each node of a job, or of TRES that a node has none of, no such limit can be set.
NO_LIMIT = re.compile(r"(Node|License|Billing)PerNode$")


def text_of(*patterns):
    files = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def has_word(text, word):
    return re.search(rf"(?<![A-Za-z_]){re.escape(word)}(?![A-Za-z_])", text) is not None


def names(program):
    """[(kind, name)]"""
    done = subprocess.run([program], check=True, capture_output=True, text=True, timeout=60)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def enumerators():
    """Of model::Reason, in the order of their numbers."""
    body = text_of("lib/model/types.hpp").split("enum class Reason")[1].split("};")[0]
    return re.findall(r"^\s*(\w+) = \d+,", body, re.MULTILINE)


def manual(page):
    """As it is read: without font changes."""
    return re.sub(r"\\f[BIRP]|\\", "", text_of(f"man/{page}.in"))


def explained_limit(name, page):
    stem = re.sub(r"(Cpu|CPU|Memory|Mem|Node|GRES|License|Billing|Energy)", "TRES", name, count=1)
    return any(has_word(page, word) for word in (name, stem, stem.removesuffix("Limit")))


class Judge:
    def __init__(self, program):
        self.names = names(program)
        self.problems = []
        self.tests = text_of("test/cluster/*.py", "test/unit/core/*.cpp", "test/sim/*.cpp")
        self.real = text_of("test/cluster/*.py")

    def expect(self, condition, problem):
        if not condition:
            self.problems.append(problem)

    def of_kind(self, kind):
        return [name for known, name in self.names if known == kind]

    def reasons(self):
        page = manual("squeue.1")
        code = text_of("lib/core/*.cpp", "daemon/controller/**/*.cpp")
        code += text_of("daemon/controller/*.cpp")
        for enumerator, name in zip(enumerators(), self.of_kind("reason")):
            if name in SHOWN_BY_DETAIL:
                continue
            given = re.search(rf"Reason::{enumerator}\b", code) is not None
            if given:
                self.expect(has_word(page, name), f"squeue.1 does not explain reason {name}")
                self.expect(has_word(self.tests, name), f"no test produces reason {name}")
            else:
                self.expect(not has_word(page, name), f"squeue.1 has {name}, which nothing gives")
        for detail in sorted(set(re.findall(r'detail = (?:Text\()?"([^"]+)"', code))):
            self.expect(detail in page or self.is_limit(detail), f"squeue.1 lacks {detail!r}")
            self.expect(detail in self.tests, f"no test produces {detail!r}")

    @staticmethod
    def is_limit(detail):
        return explained_limit(detail, manual("sacctmgr.1"))

    def limits(self):
        page = manual("sacctmgr.1")
        for name in self.of_kind("limit"):
            if NO_LIMIT.search(name):
                continue
            self.expect(explained_limit(name, page), f"sacctmgr.1 does not explain {name}")
            self.expect(has_word(self.tests, name), f"no test runs into {name}")

    def flags(self):
        page = manual("sacctmgr.1")
        for name in self.of_kind("qos-flag"):
            self.expect(has_word(page, name), f"sacctmgr.1 does not explain QOS flag {name}")
            found = has_word(self.tests.lower(), name.lower())
            self.expect(found or f"kQos{name}" in self.tests, f"no test sets QOS flag {name}")
        page = manual("scontrol.1")
        for name in self.of_kind("reservation-flag"):
            self.expect(has_word(page, name), f"scontrol.1 does not explain flag {name}")
            self.expect(
                re.search(rf"flags=([A-Z_]+,)*{name}(?![A-Z_])", self.real, re.IGNORECASE),
                f"no test makes a reservation with flags={name}",
            )

    def modes(self):
        pages = manual("sacctmgr.1") + text_of("man/sluice.yaml.5")
        tests = text_of("test/cluster/preemption.py", "test/unit/core/preemption_test.cpp").lower()
        for mode in self.of_kind("preempt-mode"):
            name = mode.lower()
            self.expect(
                has_word(pages.lower(), name), f"no manual page explains preempt mode {name}"
            )
            self.expect(has_word(tests, name), f"no test preempts with mode {name}")


def main():
    judge = Judge(sys.argv[1])
    judge.reasons()
    judge.limits()
    judge.flags()
    judge.modes()
    for problem in judge.problems:
        print(problem)
    print(f"{len(judge.names)} names, {len(judge.problems)} gaps")
    return 1 if judge.problems else 0


if __name__ == "__main__":
    sys.exit(main())
