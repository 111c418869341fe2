#!/usr/bin/env python3
"""Runs the scanners of this folder over all sources. Exit status 1 if one has something to say."""

import sys

import common
import includes
import sizes
import sql
import tests
import words


def main():
    excepted, used, bad = common.exceptions(), set(), 0
    for scanner in (includes, sizes, words, tests, sql):
        for rule, subject, line, said in scanner.scan():
            if (rule, subject) in excepted:
                used.add((rule, subject))
                continue
            path, _, name = subject.partition(":")
            print(f"{path}:{line}: {rule}: {said}")
            bad += 1
    for rule, subject in excepted.keys() - used:
        print(f"scripts/lint/exceptions.txt: {rule} {subject}: not needed any more")
        bad += 1
    if bad:
        print(f"lint: {bad} findings")
    sys.exit(bad > 0)


main()
