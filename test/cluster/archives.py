#!/usr/bin/env python3
"""Old jobs move to the archives of their months while the controller works: all commands find each
of them once at every moment, also when it is killed in the middle; a month's file can be taken away
and put back."""
import datetime
import re
import shutil
import sqlite3

from harness import BIN, BUILD, Cluster, check, main, wait_for

PLANT = BUILD / "test" / "plant_history"
JOBS, MONTHS = 12000, 4  # enough steps of the move for a kill in the middle
CONFIG = """cluster_name: archives
control_host: 127.0.0.1
listen_address: 127.0.0.1
{more}
nodes:
  - {{node_name: n1, node_addr: 127.0.0.1, autodetect: no, cpus: 4, real_memory: 1000}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes}}
"""
FIRST = datetime.datetime(2025, 3, 1, tzinfo=datetime.timezone.utc)


def lines():
    """For plant_history: jobs of two users, evenly over four months, each of an hour."""
    begin = int(FIRST.timestamp())
    step = MONTHS * 30 * 86_400 // JOBS
    made = []
    for number in range(1, JOBS + 1):
        user, uid = (("daemon", 1), ("bin", 2))[number % 2]
        start = begin + number * step
        made.append(
            f"job {number} {user} {uid} root - 1 100 1 {start} {start} {start + 3600} 3 - -"
        )
    return "\n".join(made) + "\n"


class Site:
    def __init__(self, cluster):
        self.cluster = cluster
        self.state = cluster.dir / "controller" / "state"
        self.history = self.state / "history"

    def plant(self):
        self.cluster.must(BIN / "sluice", "down", "--dir", self.cluster.dir)
        self.cluster.must(PLANT, self.state / "sluice.db", stdin=lines())

    def counted(self, *words):
        out = self.cluster.must("sacct", "-a", "-X", "-n", "-P", "-S", "2025-01-01", *words)
        ids = out.split()
        check(len(ids) == len(set(ids)), "nobody is told of twice")
        return len(ids)

    def everybody_is_there(self):
        check(self.counted("-o", "jobid") == JOBS, "all jobs")
        check(self.counted("-o", "jobid", "-u", "bin") == JOBS // 2, "all jobs of one user")

    def in_state(self):
        with sqlite3.connect(f"file:{self.state / 'sluice.db'}?mode=ro", uri=True) as database:
            return database.execute("select count(*) from jobs").fetchone()[0]

    def months(self):
        return sorted(path.name for path in self.history.glob("*.db"))

    def use(self):
        out = self.cluster.must(
            *("sreport", "-n", "-P", "-t", "sec", "cluster", "UserUtilizationByAccount"),
            *("start=2025-01-01", "end=2026-01-01"),
        )
        return sorted(re.findall(r"\|(daemon|bin)\|.*\|(\d+)\|", out))


def moved_under_way():
    with Cluster(config=CONFIG.format(more="")) as cluster:
        site = Site(cluster)
        site.plant()
        cluster.up()
        site.everybody_is_there()
        before = site.use()
        check(sum(int(seconds) for _, seconds in before) == JOBS * 3600, f"{before}")
        check(site.months() == [], "nothing moves unless it is asked for")

        path = cluster.dir / "sluice.yaml"
        path.write_text(path.read_text() + "\npurge_job_after: 1months\n")
        cluster.must("scontrol", "reconfigure")
        for _ in range(2):
            left = site.in_state()
            wait_for(lambda n=left: site.in_state() < n, 30, "some jobs have moved")
            cluster.kill("controller")
            check(site.in_state() > 1, "it was killed before all was done")
            cluster.up()
        site.everybody_is_there()
        # The newest stays: its number tells where others go on.
        wait_for(lambda: site.in_state() == 1, 60, "all have moved")
        site.everybody_is_there()
        expected = ["2025-03.db", "2025-04.db", "2025-05.db", "2025-06.db"]
        check(site.months() == expected, f"{site.months()}")
        for number in (1, 7, JOBS // 2, JOBS):
            row = cluster.must("sacct", "-n", "-P", "-X", "-j", number, "-o", "jobid,state,elapsed")
            check(row == f"{number}|COMPLETED|01:00:00\n", row)
        check(site.use() == before, "what they used stays")
        check(cluster.submit() == JOBS + 1, "numbers go on")


def taken_away_and_put_back():
    with Cluster(config=CONFIG.format(more="purge_job_after: 1months")) as cluster:
        site = Site(cluster)
        site.plant()
        cluster.up()
        wait_for(lambda: site.in_state() == 1, 60, "all have moved")
        before = site.use()
        aside = cluster.work / "2025-04.db"
        shutil.move(site.history / "2025-04.db", aside)
        month = ("-o", "jobid", "-S", "2025-04-01", "-E", "2025-04-30T23:00")
        check(site.counted(*month) < 10, "a month that was taken away has no jobs")
        check(0 < site.counted("-o", "jobid") < JOBS, "other months have theirs")
        check(site.use() == before, "sums need no archive")
        shutil.move(aside, site.history / "2025-04.db")
        site.everybody_is_there()
        refused = cluster.run("sacctmgr", "-i", "archive", "dump", "jobs")
        check(refused.returncode == 1 and "history" in refused.stderr, f"{refused}")


if __name__ == "__main__":
    main(moved_under_way, taken_away_and_put_back)
