#!/usr/bin/env python3
"""Logs of submissions are replayed by `sluice sim`, and an independent checker
(check_placements.py) looks where each job ran: small sites by seed, and a site's real log.

    placements.py small [--seeds N] [--first K]
    placements.py site PREFIX     PREFIXslurm.conf, PREFIXsacctmgr.script, PREFIX*.events.xz
"""
import argparse
import dataclasses
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))
import check_placements  # noqa: E402
import harness  # noqa: E402
import small_site  # noqa: E402


@dataclasses.dataclass
class Files:
    log: pathlib.Path
    config: pathlib.Path
    accounts: pathlib.Path
    placements: pathlib.Path


def replay(files, *options):
    command = [harness.BUILD / "bin" / "sluice", "sim", "--submissions", files.log]
    command += ["--config", files.config, "--accounts", files.accounts]
    command += ["--placements", files.placements, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    harness.check(done.returncode == 0, f"sluice sim: {done.stderr}")
    return done.stdout


def small(folder, seed):
    """A small site below `folder`, replayed."""
    folder = pathlib.Path(folder)
    small_site.write(folder, seed)
    files = Files(*(folder / name for name in ("log", "slurm.conf", "accounts", "placements")))
    replay(files)
    return files


def judge(files, name):
    world = check_placements.check(files)
    print(f"{name}: {check_placements.summary(world)}", flush=True)
    return world.findings


def do_small(arguments):
    total, bad = 0, []
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        with tempfile.TemporaryDirectory(prefix="sluice-placements.") as folder:
            findings = judge(small(folder, seed), f"seed {seed}")
        total += sum(findings.looked.values())
        if not findings.sound:
            bad.append(seed)
            print(findings.text())
    print(f"{arguments.seeds} sites, {total} comparisons" + (f", WRONG: {bad}" if bad else ""))
    return 1 if bad else 0


def do_site(arguments):
    folder, prefix = arguments.prefix.parent, arguments.prefix.name
    log = next(folder.glob(f"{prefix}*.events*"))
    config, script = folder / f"{prefix}slurm.conf", folder / f"{prefix}sacctmgr.script"
    with tempfile.TemporaryDirectory(prefix="sluice-placements.") as work:
        files = Files(log, config, script, pathlib.Path(work) / "placements")
        print(replay(files, *arguments.options))
        findings = judge(files, log.name)
    print(findings.text())
    return 0 if findings.sound else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("small")
    one.add_argument("--seeds", type=int, default=8)
    one.add_argument("--first", type=int, default=1)
    one = kinds.add_parser("site")
    one.add_argument("prefix", type=pathlib.Path, help="what its files' names begin with")
    one.add_argument("options", nargs="*", help="further ones of sluice sim, behind --")
    arguments = parser.parse_args()
    sys.exit(do_small(arguments) if arguments.kind == "small" else do_site(arguments))


if __name__ == "__main__":
    main()
