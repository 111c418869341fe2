#!/usr/bin/env python3
"""How long sacct and sreport take over a long history, by the commands themselves.

    history.py [--jobs N] [--reference M]

A cluster is made, and while it is down bench_history writes N finished jobs of the year 2025 (by
default 10,000,000) into its database, through the store's own writer. Then the controller is
started on it and each question is put by its command, as a user would: time from the start of the
process to its end. With --reference, M jobs of as many a day are written into the tables of
Debian's slurmdbd beside it, which is asked for the same jobs. Its own ingest is no part of that,
since rows are loaded by SQL; nor are reports, since it would take days to sum up so many jobs.

Numbers depend on a quiet machine: the load is printed with them.
"""
import argparse
import datetime
import os
import pathlib
import pwd
import random
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "test" / "cluster"))
sys.path.insert(0, str(ROOT / "test" / "compat" / "scheduling"))
import harness  # noqa: E402
import systems  # noqa: E402

AGAIN = 15
YEAR_S = 365 * 86_400
USERS, ACCOUNTS = 300, 40
USER = "bin"  # the one who is asked for, whom every system has
DECEMBER = "-S 2025-12-02 -E 2025-12-31T23:59:59"
MONTH = "start=2025-11-01 end=2025-12-01"
WITHIN = "start=2025-11-01T05:00:00 end=2025-11-30T19:00:00"
SHAPE = {
    "seed": 0,
    "kinds": [],
    "mode": "mixed",
    "unit": "thread",
    "nodes": [
        {"name": "n1", "sockets": 1, "cores": 4, "threads": 1, "memory": 1000, "weight": 1}
        | {"features": "", "gpus": 0}
    ],
    "partitions": [{"name": "batch", "nodes": "ALL", "default": True}],
    "accounts": [],
}


def questions(ids):
    """[(what, [command line, …])]; those of sacct first."""
    return [
        ("sacct -j ID", [f"sacct -j {number}" for number in ids]),
        ("one user's last month", [f"sacct -P -u {USER} {DECEMBER}"]),
        ("the same, -X", [f"sacct -X -P -u {USER} {DECEMBER}"]),
        ("all jobs of an hour, -X", ["sacct -a -X -P -S 2025-12-10T10:00 -E 2025-12-10T10:59:59"]),
        ("sreport cluster utilization", [f"sreport cluster utilization {MONTH}"]),
        ("sreport AccountUtilizationByUser", [f"sreport cluster AccountUtil {MONTH}"]),
        ("the same, of parts of days", [f"sreport cluster AccountUtil {WITHIN}"]),
        ("sreport user TopUsage", [f"sreport user TopUsage {MONTH}"]),
        ("sreport job SizesByAccount", [f"sreport job SizesByAccount {MONTH}"]),
    ]


def ask(run, ids, programs=("sacct", "sreport")):
    """Prints for each question: the first time and the median of those after, ms; lines."""
    for what, lines in questions(ids):
        if not lines[0].startswith(programs):
            continue
        took = []
        for round_ in range(AGAIN + 1):
            begun = time.monotonic()
            done = run(*lines[round_ % len(lines)].split())
            took.append((time.monotonic() - begun) * 1e3)
            harness.check(done.returncode == 0, f"{lines[0]}: {done.stderr}")
        rows, median = done.stdout.count("\n"), statistics.median(took[1:])
        print(f"  {what:36} {took[0]:9.1f} {median:9.1f} ms  {rows} lines", flush=True)


def load():
    return f"load {os.getloadavg()[0]:.1f}"


def measure_sluice(jobs):
    dice = random.Random(1)
    with harness.Cluster(nodes=1) as cluster:
        cluster.must(harness.BIN / "sluice", "down", "--dir", cluster.dir)
        folder = cluster.dir / "controller" / "state"
        program = harness.BUILD / "test" / "bench_history"
        print(f"Sluice, {jobs} jobs, {load()}: the store by itself", flush=True)
        done = subprocess.run(
            [program, folder, str(jobs)], capture_output=True, text=True, timeout=7200, check=False
        )
        harness.check(done.returncode == 0, done.stderr)
        print(done.stdout)
        begun = time.monotonic()
        cluster.up()
        print(f"  up again in {time.monotonic() - begun:.1f} s; by the commands, {load()}:")
        ask(cluster.run, [dice.randrange(1, jobs) for _ in range(AGAIN + 1)])
        pid = cluster.pid("controller")
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        print("  sluicectld: " + " ".join(l for l in status.split("\n") if "VmHWM" in l))


class Reference(systems.Oracle):
    def sql(self, text):
        socket = self.directory / "run" / "mysql.socket"
        words = ["mariadb", "--no-defaults", "-S", socket, "slurm_acct_db", "-N"]
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=600, check=False
        )
        harness.check(done.returncode == 0, done.stderr)
        return done.stdout

    def accounts(self):
        names = ",".join(f"account{n}" for n in range(ACCOUNTS))
        self.must("sacctmgr", "-i", "add", "account", names)
        for n in range(ACCOUNTS):
            users = ",".join(f"user{user}" for user in range(n, USERS, ACCOUNTS))
            self.must("sacctmgr", "-i", "add", "user", users, f"account=account{n}")
        rows = self.sql("select user, id_assoc from oracle_assoc_table where user like 'user%'")
        return dict(line.split("\t") for line in rows.split("\n") if line)

    def plant(self, jobs, per_year):
        """`jobs` jobs, the last ones of 2025, at the rate of so many in a year."""
        ids, dice = self.accounts(), random.Random(1)
        end = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp())
        begin = end - YEAR_S * jobs // per_year
        self.sql(
            f"update oracle_event_table set time_start={begin}, time_end={end},"
            " tres='1=64000,2=256000000,3=0,5=64000,6=0,7=0,8=0' where node_name=''"
        )
        for first in range(1, jobs + 1, 10_000):
            rows, steps = [], []
            for number in range(first, min(first + 10_000, jobs + 1)):
                user, cpus = dice.randrange(USERS), 1 << dice.randrange(7)
                uid = pwd.getpwnam(USER).pw_uid if user == 7 else 10_000 + user
                submit = begin + (end - begin) * number // jobs
                start = submit + dice.randrange(1800)
                last = min(start + dice.randrange(1, 7200), end)
                tres = f"'1={cpus},2={cpus * 2000},4=1,5={cpus}'"
                state = 5 if dice.randrange(20) == 0 else 3
                node = f"'n{dice.randrange(1000)}'"
                rows.append(
                    f"({number},0,'account{user % ACCOUNTS}',{cpus},0,'job{number % 10}',"
                    f"{ids[f'user{user}']},0,{number},1,0,0,{uid},{uid},0,"
                    f"4294967294,0,{node},1,'batch',1,{state},600,{submit},{submit},{start},{last},"
                    f"0,'','/home/user/project/run',{tres},{tres})"
                )
                steps.append(
                    f"({number},-5,0,{state},0,'batch',{node},1,'0',{start},{last},0,1,{tres},"
                    "'1=1000,2=100000','1=1000,2=100000')"
                )
            self.sql(
                "set autocommit=0; insert into oracle_job_table (job_db_inx, mod_time, account,"
                " cpus_req, exit_code, job_name, id_assoc, array_task_pending, id_job, id_qos,"
                " id_resv, id_wckey, id_user, id_group, het_job_id, het_job_offset,"
                " state_reason_prev, nodelist, nodes_alloc, `partition`, priority, state,"
                " timelimit, time_submit, time_eligible, time_start, time_end, time_suspended,"
                " wckey, work_dir, tres_alloc, tres_req) values "
                + ",".join(rows)
                + ";\ninsert into oracle_step_table (job_db_inx, id_step, deleted, state,"
                " exit_code,"
                " step_name, nodelist, nodes_alloc, node_inx, time_start, time_end, time_suspended,"
                " task_cnt, tres_alloc, tres_usage_in_tot, tres_usage_in_max) values "
                + ",".join(steps)
                + ";\ncommit;"
            )

    def bytes(self):
        return sum(
            path.stat().st_size
            for name in ("job", "step")
            for path in (self.directory / "mysql" / "slurm_acct_db").glob(
                f"oracle_{name}_table.ibd"
            )
        )


def measure_reference(jobs, per_year):
    dice = random.Random(1)
    with Reference(SHAPE) as oracle:
        print(f"slurmdbd, {jobs} jobs of {jobs / per_year * 365:.0f} days, {load()}", flush=True)
        begun = time.monotonic()
        oracle.plant(jobs, per_year)
        print(f"  rows loaded by SQL in {time.monotonic() - begun:.0f} s", flush=True)
        print(
            f"  {oracle.bytes() / jobs:.0f} bytes per job; by the commands, {load()}:", flush=True
        )
        ask(oracle.run, [dice.randrange(1, jobs) for _ in range(AGAIN + 1)], ("sacct",))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=10_000_000)
    parser.add_argument("--reference", type=int, default=0, metavar="M")
    arguments = parser.parse_args()
    os.environ["TZ"] = "UTC"
    if arguments.jobs:
        measure_sluice(arguments.jobs)
    if arguments.reference:
        measure_reference(arguments.reference, arguments.jobs or 10_000_000)


if __name__ == "__main__":
    main()
