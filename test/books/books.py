#!/usr/bin/env python3
"""The books of a whole site, from a seed to the last micro-unit.

books.py played [--jobs N] [--seed S]   a virtual site over a month's end: the product's controller
                                        and store in virtual time (books-play), then a real
                                        sluicectld on what they left, and its commands
books.py real [--jobs N] [--seed S]     real daemons (real_site.py)
Both then export everything and reconcile it (reconcile.py). --keep DIR: the exports stay there.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))

import fates
import harness
import reconcile
import site_of_books as site
from collect import Collector
from harness import check, wait_for


class Controller:
    """sluicectld alone, in a folder that books-play filled."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SLUICE"))}
        self.environment = environment | {
            "PATH": f"{harness.BIN}:{os.environ['PATH']}",
            "SLUICE_CONF": str(self.folder / "client.conf"),
        }

    def __enter__(self):
        socket = self.folder / "controller.sock"
        text = f"controller_socket: {socket}\nagent_socket: {self.folder}/agent.sock\n"
        (self.folder / "client.conf").write_text(text)
        words = [harness.BIN / "sluicectld", "--dir", self.folder, "--port", "0"]
        words += ["--log-file", self.folder / "log"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=self.environment)
        wait_for(socket.exists, 60, "the controller's socket")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def must(self, *words, env=None):
        done = subprocess.run(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=self.environment | (env or {}),
        )
        check(done.returncode == 0, f"{words} exited with {done.returncode}: {done.stderr}")
        return done.stdout


def play(folder, shape, jobs, seed):
    (folder / "sluice.yaml").write_text(site.config(shape))
    (folder / "accounts.txt").write_text("\n".join(site.accounts(shape)) + "\n")
    (folder / "prices.json").write_text(site.prices(shape))
    (folder / "scenario.txt").write_text(fates.scenario(seed, shape, jobs))
    program = harness.BUILD / "test" / "books-play"
    words = [str(program), str(folder), str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1800, check=False)
    print(done.stdout.strip())
    check(done.returncode == 0, f"books-play: {done.stderr}")


def corrections(must, month):
    """By hand, after the month was closed: a refund and a correction of its charges; then the next
    month is closed too."""
    entries = json.loads(must("sluice", "bill", "export", "--format", "json", "--month", month))
    charges = [e for e in entries if e["kind"] == "charge" and float(e["effective"]) > 0.5]
    given_back = {(e["uid128"], e["attempt"]) for e in entries if e["kind"] == "reversal"}
    charges = [e for e in charges if (e["uid128"], e["attempt"]) not in given_back]
    for customer in ("science", "acme", "bio"):
        own = [e for e in charges if e["customer"] == customer]
        if own:
            must("sluice", "bill", "refund", own[0]["entry"], "0.123457", "--note", "slow disk")
            words = ("adjust", customer, "-0.5", "--entry", own[-1]["entry"], "--note", "by hand")
            must("sluice", "bill", *words)
    must("sluice", "bill", "close", "2023-12")


def played(jobs, seed, folder, keep):
    shape = site.played()
    begun = time.monotonic()
    play(folder, shape, jobs, seed)
    print(f"played in {time.monotonic() - begun:.1f} s")
    last = shape.turn + 5 * 86_400
    with Controller(folder) as controller:
        corrections(controller.must, "2023-11")
        collector = Collector(controller.must, keep)
        collector.everything(shape.begin - 86_400, last, site.prices(shape))
    print(f"exported after {time.monotonic() - begun:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=("played", "real"))
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--keep", type=pathlib.Path)
    given = parser.parse_args()
    base = os.environ.get("SLUICE_TEST_TMP", "/var/tmp")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-books.", dir=base))
    print(f"{given.what}: seed {given.seed}", flush=True)
    try:
        keep = given.keep or folder / "exports"
        if given.what == "played":
            played(given.jobs or 300, given.seed, folder, keep)
        else:
            import real_site

            real_site.run(given.jobs or 60, given.seed, keep)
        findings, counts = reconcile.reconcile(keep)
        reconcile.show(findings, counts)
        sys.exit(0 if findings.sound else 1)
    except harness.Failure as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
