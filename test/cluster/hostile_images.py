#!/usr/bin/env python3
"""Images, bundles and paths made to do harm: whatever becomes of the step, the host is unchanged,
and it ends within a bound of time and space. The tables are hostile_layers.py and
hostile_bundles.py; a name of a row on the command line runs that row alone. Needs root: it acts as
an ordinary user and watches what only root could have changed.
"""
import hashlib
import inspect
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import time

import harness
import hostile_bundles
import hostile_layers
from container_cluster import USER, Place, runtime_missing
from harness import Failure, check

LONGEST_S = 30
MOST_MIB = 700  # of the user's image folder, over all rows
LIMIT_MIB = 256  # image_max_size
SYSTEM = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/mtab")
ROWS, sys.argv[1:] = sys.argv[1:], []
place: Place


def fingerprint(folder):
    """{path: everything about it} of a tree."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        info = path.lstat()
        about = [oct(info.st_mode), info.st_uid, info.st_gid, info.st_nlink]
        if stat.S_ISLNK(info.st_mode):
            about.append(os.readlink(path))
        elif stat.S_ISREG(info.st_mode):
            about += [info.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()]
        else:
            about.append(info.st_mtime_ns)
        found[str(path)] = about
    return found


def system():
    """What nobody but root could change, and no test does."""
    found = {}
    for name in SYSTEM:
        path = pathlib.Path(name)
        if path.exists():
            info = path.stat()
            data = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = (info.st_ino, info.st_mode, info.st_uid, data)
    strange = [
        str(p) for where in ("/", "/etc", "/dev") for p in pathlib.Path(where).glob("hostile*")
    ]
    sockets = sorted(name for name in os.listdir("/dev") if not name.startswith("loop"))
    found["strange"], found["dev"] = strange, sockets
    found["core"] = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    return found


def make_canary(name, owner):
    """A folder with files of every kind."""
    canary = place.folder / name
    (canary / "canary").mkdir(parents=True)
    (canary / "secret").write_text("the host's own\n")
    (canary / "secret").chmod(0o644)
    (canary / "canary" / "deep").write_text("deep\n")
    (canary / "link").symlink_to("secret")
    for path in [canary, *canary.rglob("*")]:
        os.chown(path, owner, owner, follow_symlinks=False)
    return canary


def size_mib(folder):
    done = subprocess.run(["du", "-sm", str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0]) if done.stdout else 0


def used_mib():
    return sum(size_mib(path) for path in place.cluster.dir.glob("nodes/*/images"))


def make(row, canary, path):
    maker = row[1]
    if len(inspect.signature(maker).parameters) == 1:
        maker(canary).layout(path)
    else:
        maker(path, canary)
    subprocess.run(["chown", "-hR", f"{USER}:{USER}", str(path)], check=True)


def run_row(row, option, canary):
    name, _, expected = row[:3]
    command, output = row[3:] if len(row) > 3 else (("/bin/true",), None)
    path = place.folder / "evil"
    make(row, canary, path)
    before, host = fingerprint(canary), system()
    begun = time.monotonic()
    try:
        done = place.srun(None, *command, options=[f"{option}={path}"], timeout=LONGEST_S)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"not over after {LONGEST_S} s") from late
    finally:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    took = time.monotonic() - begun
    check(fingerprint(canary) == before, f"the canary changed: {changes(before, canary)}")
    check(system() == host, "the host changed")
    said = next((line for line in done.stderr.splitlines() if "error:" in line), "")
    if expected == "refused":
        check(done.returncode != 0, f"ran: {done.stdout}")
        check("error:" in done.stderr, f"refused without a reason: {done.stderr!r}")
    if expected == "runs":
        check(done.returncode == 0, f"refused: {done.stderr}")
    if done.returncode == 0 and output is not None:
        check(done.stdout.strip() == output, f"{done.stdout!r}, not {output!r}; {done.stderr}")
    check(place.cluster.run("sinfo", "-h").returncode == 0, "the controller is gone")
    verdict = "runs" if done.returncode == 0 else said[:110]
    print(f"     {name:40} {took:5.2f} s  {verdict}", flush=True)


def changes(before, canary):
    after = fingerprint(canary)
    return {
        p: (before.get(p), after.get(p)) for p in {*before, *after} if before.get(p) != after.get(p)
    }


def run_table(rows, option, canary):
    wanted = [row for row in rows if not ROWS or row[0] in ROWS]
    failed = []
    for row in wanted:
        try:
            run_row(row, option, canary)
        except Failure as failure:
            failed.append(f"{row[0]}: {failure}")
            print(f"FAIL {failed[-1]}", flush=True)
    if wanted:
        place.settled()
    alive = place.cluster.must("sinfo", "-h", "-N", "-o", "%T").split()
    check(set(alive) == {"idle"}, f"nodes are {alive}")
    check(not failed, f"{len(failed)} of {len(wanted)} failed")
    used = used_mib()
    check(used < MOST_MIB, f"{used} MiB are in use")


def hostile_images():
    run_table(hostile_layers.IMAGES, "--container-image", make_canary("canary-images", USER))


def hostile_paths():
    run_table(hostile_bundles.PATHS, "--container-image", make_canary("canary-paths", USER))


def hostile_bundles_():
    run_table(hostile_bundles.BUNDLES, "--container", make_canary("canary-bundles", 0))


def main():
    global place
    if os.geteuid() != 0:
        print("skipped: needs root")
        return
    if missing := runtime_missing():
        sys.exit(missing)
    with Place(nodes=1, cpus=4, image_max_size=f"{LIMIT_MIB}M") as place:
        harness.main(hostile_images, hostile_paths, hostile_bundles_)


if __name__ == "__main__":
    main()
