#!/usr/bin/env python3
"""Random pasts, by seed: sreport and sacct have to say the same of them on both systems.

    reports.py compare [--seeds N] [--first SEED]   both systems (needs slurm-wlm and root);
                                                    --record writes down what the reference said
    reports.py replay                               Sluice alone against what was written down

Nobody runs two days of jobs for it: the past is written into the reference's database, whose sums
are then made anew, and by plant_history into Sluice's. What may differ stands in
known_reports_differences.txt: a regular expression for the command, two spaces, the reason.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "scheduling"))
sys.path.insert(0, str(HERE.parent / "cluster"))
import generate  # noqa: E402
import harness  # noqa: E402
import pasts  # noqa: E402
import systems  # noqa: E402

RECORDED = HERE / "reports.json"
KNOWN = HERE / "known_reports_differences.txt"
SHAPE = {
    "seed": 0,
    "kinds": [],
    "mode": "mixed",
    "unit": "thread",
    "nodes": generate.plain_nodes(pasts.NODES),
    "partitions": [{"name": "batch", "nodes": "ALL", "default": True}],
    "accounts": [["add", "account", name, f"parent={parent}"] for name, parent in pasts.ACCOUNTS]
    + [["add", "user", user, f"account={account}"] for user, account in pasts.MEMBERS]
    + [["add", "user", "daemon", "account=a1", "wckey=" + ",".join(pasts.KEYS)]],
}


class Reference:
    """A past in MariaDB's tables."""

    def __init__(self, oracle):
        self.oracle = oracle
        self.directory = oracle.directory
        config = self.directory / "etc" / "slurmdbd.conf"
        config.write_text(config.read_text() + "TrackWCKey=yes\n")

    def sql(self, text):
        socket = self.directory / "run" / "mysql.socket"
        words = ["mariadb", "--no-defaults", "-S", socket, "slurm_acct_db", "-N", "-e", text]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        harness.check(done.returncode == 0, done.stderr)
        return done.stdout

    def plant(self, past):
        for table in ("job", "suspend", "resv"):
            self.sql(f"delete from oracle_{table}_table")
        self.sql("delete from oracle_event_table where node_name<>''")
        total = f"1={pasts.CPUS * pasts.NODES},2={pasts.MEMORY * pasts.NODES}"
        self.sql(
            f"update oracle_event_table set time_start={pasts.BEGIN},"
            f" tres='{total},3=0,5={pasts.CPUS * pasts.NODES},6=0,7=0,8=0' where node_name=''"
        )
        ids = self.ids("select id_assoc, concat(user, '/', acct) from oracle_assoc_table")
        keys = self.ids("select id_wckey, concat(user, '/', wckey_name) from oracle_wckey_table")
        for job in past["jobs"]:
            self.plant_job(job, ids, keys)
        for span in past["spans"]:
            self.sql(
                "insert into oracle_event_table (time_start, time_end, node_name, reason,"
                f" reason_uid, state, tres) values ({span['from']}, {span['to']},"
                f" '{span['node']}', 'away', 0, 1, '1={pasts.CPUS},2={pasts.MEMORY}')"
            )
        for made in past["reservations"]:
            self.sql(
                "insert into oracle_resv_table (id_resv, assoclist, flags, nodelist, node_inx,"
                f" resv_name, time_start, time_end, tres) values ({made['id']}, '',"
                f" {int(made['maint'])}, 'n4', '3', '{made['name']}', {made['start']},"
                f" {made['end']}, '1={pasts.CPUS}')"
            )
        self.sum_up()

    def ids(self, query):
        rows = [line.split("\t") for line in self.sql(query).split("\n") if line]
        return {name: number for number, name in rows}

    def plant_job(self, job, ids, keys):
        tres = f"1={job['cpus']},2={job['memory']},4={job['nodes']},5={job['cpus']}"
        suspended = sum(to - begin for begin, to in job["still"])
        values = {
            "job_db_inx": job["id"],
            "account": job["account"],
            "cpus_req": job["cpus"],
            "job_name": f"j{job['id']}",
            "id_assoc": ids[f"{job['user']}/{job['account']}"],
            "id_job": job["id"],
            "id_qos": 1,
            "id_resv": 0,
            "id_wckey": keys.get(f"{job['user']}/{job['wckey']}", 0),
            "id_user": pasts.USERS[job["user"]],
            "id_group": pasts.USERS[job["user"]],
            "het_job_id": 0,
            "het_job_offset": 4294967294,
            "state_reason_prev": 0,
            "nodelist": "n1" if job["start"] else "None assigned",
            "nodes_alloc": job["nodes"] if job["start"] else 0,
            "partition": "batch",
            "priority": 1,
            "state": job["state"],
            "timelimit": 60,
            "time_submit": job["eligible"],
            "time_eligible": job["eligible"],
            "time_start": job["start"],
            "time_end": job["end"],
            "time_suspended": suspended,
            "wckey": job["wckey"],
            "work_dir": "/",
            "tres_alloc": tres if job["start"] else "",
            "tres_req": tres,
        }
        names = ", ".join(f"`{name}`" for name in values)
        texts = ", ".join(f"'{value}'" for value in values.values())
        self.sql(f"insert into oracle_job_table ({names}) values ({texts})")
        for begin, to in job["still"]:
            ids_ = f"{job['id']}, {ids[job['user'] + '/' + job['account']]}"
            self.sql(f"insert into oracle_suspend_table values ({ids_}, {begin}, {to})")

    def sum_up(self):
        """Sums are made at the start of slurmdbd, from when it thinks it has stopped to."""
        pid = int((self.directory / "run" / "slurmdbd.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        gone = pathlib.Path(f"/proc/{pid}")
        harness.wait_for(lambda: not gone.exists(), 30, "the end of slurmdbd")
        for kind in ("usage", "assoc_usage", "wckey_usage"):
            for level in ("hour", "day", "month"):
                self.sql(f"delete from oracle_{kind}_{level}_table")
        begin = pasts.BEGIN
        self.sql("delete from oracle_last_ran_table")
        self.sql(f"insert into oracle_last_ran_table values ({begin}, {begin}, {begin})")
        subprocess.run(
            ["slurmdbd"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.oracle.environment,
            check=True,
            timeout=30,
        )
        want = begin + pasts.HOURS * pasts.HOUR
        harness.wait_for(
            lambda: min(map(int, self.sql("select * from oracle_last_ran_table").split()[:2]))
            >= want,
            60,
            "the reference's sums",
        )


class Ours:
    """The same in Sluice's database: a new one for each past."""

    def __init__(self, sluice):
        self.cluster = sluice.cluster
        self.path = self.cluster.dir / "controller" / "state" / "sluice.db"
        self.program = harness.BIN.parent / "test" / "plant_history"
        self.down()
        self.empty = {path.name: path.read_bytes() for path in self.files()}

    def files(self):
        return [p for p in self.path.parent.iterdir() if p.name.startswith("sluice.db")]

    def down(self):
        self.cluster.must(harness.BIN / "sluice", "down", "--dir", self.cluster.dir)

    def plant(self, past):
        for path in self.files():
            path.unlink()
        for name, content in self.empty.items():
            (self.path.parent / name).write_bytes(content)
        self.cluster.must(self.program, self.path, stdin=pasts.lines(past))
        self.cluster.up()


def without_start(line):
    """What never began is told of in the reference's own way only if it was there itself."""
    fields = line.split("|")
    if len(fields) == len(pasts.FIELDS.split(",")) and not fields[-1]:
        for name in ("Start", "AllocCPUS"):
            fields[pasts.FIELDS.split(",").index(name)] = "-"
    return "|".join(fields)


def told(system, program, words):
    """What it prints, without the order of rows of equal rank."""
    done = system.run(program, *words.split())
    lines = [line.rstrip() for line in done.stdout.split("\n")]
    if program == "sacct":
        lines = [without_start(line) for line in lines]
    if not re.search(r"AccountUtil|Wckey|Sizes", words) or re.search("users=|flatview", words):
        lines = sorted(lines)
    return {"exit": done.returncode, "stdout": lines, "stderr": done.stderr.split("\n")}


def play(system, keeper, seed):
    keeper.plant(pasts.past(seed))
    found = [(f"{p} {words}", told(system, p, words)) for p, words in pasts.questions(seed)]
    if isinstance(keeper, Ours):
        keeper.down()
    return found


def known():
    rules = []
    for line in KNOWN.read_text().split("\n"):
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            rules.append((re.compile(pattern), reason))
    return rules


def report(seed, theirs, ours, verbose):
    rules, wrong = known(), 0
    for (line, expected), (_, got) in zip(theirs, ours):
        if expected == got or any(pattern.search(line) for pattern, _ in rules):
            continue
        wrong += 1
        print(f"{seed}: {line}")
        for key in expected:
            if expected[key] == got[key]:
                continue
            if key == "stdout":
                print("   - " + "\n   - ".join(x for x in expected[key] if x not in got[key]))
                print("   + " + "\n   + ".join(x for x in got[key] if x not in expected[key]))
            else:
                print(f"   {key}: {expected[key]}\n   Sluice: {got[key]}")
        if not verbose and wrong >= 6:
            print("   …")
            break
    return wrong


def do_compare(arguments):
    wrong, count, recorded = 0, 0, {}
    with systems.Oracle(SHAPE) as oracle, systems.Sluice(SHAPE) as sluice:
        reference, ours_ = Reference(oracle), Ours(sluice)
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            theirs, ours = play(oracle, reference, seed), play(sluice, ours_, seed)
            recorded[seed] = theirs
            count += len(theirs)
            wrong += report(seed, theirs, ours, arguments.verbose)
    if arguments.record:
        lines = [
            f"{json.dumps(str(seed))}: {json.dumps(found)}" for seed, found in recorded.items()
        ]
        RECORDED.write_text("{" + ",\n".join(lines) + "}\n")
    return arguments.seeds, count, wrong


def do_replay(arguments):
    wrong, count = 0, 0
    recorded = json.loads(RECORDED.read_text())
    with systems.Sluice(SHAPE) as sluice:
        keeper = Ours(sluice)
        for seed, theirs in recorded.items():
            count += len(theirs)
            wrong += report(seed, theirs, play(sluice, keeper, int(seed)), arguments.verbose)
    return len(recorded), count, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("compare", "replay"))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    os.environ["TZ"] = "UTC"
    begun = time.monotonic()
    run = do_compare if arguments.what == "compare" else do_replay
    played, count, wrong = run(arguments)
    seconds = time.monotonic() - begun
    print(f"{played} pasts, {count} questions in {seconds:.0f} s: {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
