"""What the cluster tests share: a cluster of its own for each test, commands, waiting, checks.

Each test is a program: it makes a Cluster, uses it, and ends with report(). Everything that a test
starts lives below its own temporary directory and is ended with it. Nothing here sleeps for a fixed
time to let something happen: wait_for() looks until a condition holds or its time is over.
"""
import argparse
import atexit
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))


def open_to_all(path):
    """Whether any user may go there (a checkout below /root, say, is closed)."""
    return all(folder.stat().st_mode & 0o1 for folder in (path, *path.parents))


def programs():
    """The folder of the commands, where other users may run them too.

    Jobs and requests of other users are a part of what root tests, so where the build can't be
    reached by all, its programs and plugins are linked into a folder that can.
    """
    if os.geteuid() != 0 or open_to_all(BUILD / "bin"):
        return BUILD / "bin"
    base = os.environ.get("SLUICE_TEST_TMP", "/var/tmp")
    view = pathlib.Path(tempfile.mkdtemp(prefix="sluice-programs.", dir=base))
    atexit.register(shutil.rmtree, view, ignore_errors=True)
    view.chmod(0o755)
    for name in ("bin", "plugins", "libexec", "etc", "share"):
        if (BUILD / name).is_dir():
            shutil.copytree(BUILD / name, view / name, copy_function=link_or_copy)
    return view / "bin"


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


BIN = programs()


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def wait_for(condition, seconds, what):
    """Calls condition() until it is true; a Failure names `what` when the time is over."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise Failure(f"did not happen within {seconds} s: {what}")
        time.sleep(0.02)


class Cluster:
    """`sluice up` in a directory of its own; use as a context manager."""

    def __init__(self, nodes=2, cpus=4, memory="1G", config=None, extra=()):
        base = os.environ.get("SLUICE_TEST_TMP", "/var/tmp")
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="sluice-test.", dir=base))
        os.chmod(self.work, 0o777)
        self.dir = self.work / "cluster"
        self.arguments = [
            "--nodes",
            str(nodes),
            "--cpus-per-node",
            str(cpus),
            "--memory-per-node",
            memory,
            *extra,
        ]
        if config is not None:
            path = self.work / "sluice.yaml"
            # The order is each test's own: what says nothing of it means that of submission.
            if "priority_type" not in config:
                config += "\npriority_type: priority/basic\n"
            path.write_text(config)
            self.arguments = ["--config", str(path)]
        self.environment = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("SLURM", "SBATCH", "SQUEUE", "SLUICE_CONF"))
        }
        self.environment["PATH"] = f"{BIN}:{os.environ['PATH']}"
        self.environment["SLUICE_CONF"] = str(self.dir / "client.conf")

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        subprocess.run(
            [BIN / "sluice", "down", "--dir", self.dir],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        if "SLUICE_TEST_KEEP" in os.environ:
            print(f"kept: {self.work}", file=sys.stderr)
        else:
            shutil.rmtree(self.work, ignore_errors=True)

    def up(self):
        done = subprocess.run(
            [BIN / "sluice", "up", "--dir", self.dir, *self.arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        check(done.returncode == 0, f"sluice up failed: {done.stderr}")

    def run(self, *command, stdin=None, timeout=60, user=None, env=None, cwd=None):
        """Runs a command in the cluster's environment; returns CompletedProcess with texts."""
        options = {}
        if user is not None:
            options = {"user": user, "group": user, "extra_groups": []}
        environment = dict(self.environment, **(env or {}))
        return subprocess.run(
            [str(word) for word in command],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
            cwd=cwd or self.work,
            **options,
        )

    def must(self, *command, **options):
        done = self.run(*command, **options)
        check(done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}")
        return done.stdout

    def submit(self, *options, wrap="true", user=None):
        words = ["sbatch", "--parsable", "--mem=20M", "-o", "/dev/null", *options]
        if wrap is not None:
            words += ["--wrap", wrap]
        return int(self.must(*words, user=user).strip().split(";")[0])

    def state(self, job):
        """The job's state by sacct, '' if unknown."""
        out = self.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "state")
        return out.split("\n")[0].strip()

    def wait_state(self, job, *states, seconds=60):
        wait_for(
            lambda: self.state(job).split(" ")[0] in states,
            seconds,
            f"job {job} in {'/'.join(states)}",
        )

    def wait_end(self, *jobs, seconds=120):
        active = ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "")
        for job in jobs:
            wait_for(
                lambda j=job: self.state(j).split(" ")[0] not in active,
                seconds,
                f"the end of job {job}",
            )

    def pid(self, daemon):
        """Pid of 'controller', 'login' or a node."""
        folder = (
            self.dir / daemon if daemon in ("controller", "login") else self.dir / "nodes" / daemon
        )
        return int((folder / "pid").read_text())

    def kill(self, daemon, signal=9):
        pid = self.pid(daemon)
        os.kill(pid, signal)
        wait_for(lambda: not is_alive(pid), 10, f"the end of {daemon}")

    def stepds(self):
        """Pids of this cluster's step supervisors."""
        return [
            pid for pid, line in processes() if "sluice-stepd" in line and str(self.dir) in line
        ]

    def leftovers(self):
        """Processes that belong to the cluster's directory beside its daemons."""
        daemons = ("sluicectld", "sluiced", "sluice-relay")
        return [
            (pid, line)
            for pid, line in processes()
            if str(self.work) in line
            and not any(d in line.split("\0")[0] for d in daemons)
            and pid != os.getpid()
        ]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def processes():
    """(pid, command line with zero bytes) of all processes that can be seen."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as line:
                text = line.read().decode(errors="replace")
        except OSError:
            continue
        if text:
            found.append((int(entry), text))
    return found


def main(*tests):
    """Runs the given functions, or those named on the command line; the exit code tells."""
    wanted = [t for t in tests if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    failed = 0
    for test in wanted:
        begun = time.monotonic()
        try:
            test()
            print(f"ok   {test.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
        except (Failure, subprocess.TimeoutExpired) as failure:
            failed += 1
            print(f"FAIL {test.__name__}: {failure}", flush=True)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not wanted else 0)


def rounds_main(test, submitters):
    """A test of many rounds, test(rounds, seed, submitters); it prints its seed."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument("--submitters", type=int, default=submitters)
    given = options.parse_args()
    try:
        test(given.rounds, given.seed, given.submitters)
    except (Failure, subprocess.TimeoutExpired) as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)
    print("ok")
