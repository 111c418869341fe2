#!/usr/bin/env python3
"""`sdiag`: counts move by what happened, and begin anew on request, if an operator asks."""
import json
import re

from harness import Cluster, check, main, wait_for

COUNTS = ("submitted", "started", "completed", "canceled", "failed", "pending", "running")


def statistics(cluster):
    return json.loads(cluster.must("sdiag", "--json"))["statistics"]


def jobs_of(cluster):
    stats = statistics(cluster)
    return {name: stats[f"jobs_{name}"] for name in COUNTS if stats[f"jobs_{name}"] != 0}


def reset(cluster):
    done = cluster.must("sdiag", "-r")
    check(done == "Reset scheduling statistics\n", f"reset: {done}")


def jobs_are_counted():
    with Cluster(nodes=1) as cluster:
        check(jobs_of(cluster) == {}, "nothing has happened yet")
        cluster.wait_end(cluster.submit(), cluster.submit(wrap="exit 3"))
        check(jobs_of(cluster) == dict(submitted=2, started=2, completed=2), jobs_of(cluster))
        array = cluster.submit("--hold", "-a", "1-3")
        check(jobs_of(cluster).get("pending") == 3, f"tasks wait: {jobs_of(cluster)}")
        cluster.must("scancel", array)
        held = cluster.submit("-n1", wrap="sleep 100")
        cluster.wait_state(held, "RUNNING")
        seen = jobs_of(cluster)
        check(seen == dict(submitted=6, started=3, completed=2, canceled=3, running=1), seen)
        cluster.must("scancel", held)
        wait_for(lambda: jobs_of(cluster).get("canceled") == 4, 30, "its end is counted")
        reset(cluster)
        check(jobs_of(cluster) == {}, f"counted anew: {jobs_of(cluster)}")


def a_job_that_overtakes_is_backfilled():
    with Cluster(nodes=1, cpus=4) as cluster:
        first = cluster.submit("-n3", "-t20", wrap="sleep 100")
        cluster.wait_state(first, "RUNNING")
        reset(cluster)
        wide = cluster.submit("-n4", "-t20")
        wait_for(lambda: statistics(cluster)["bf_cycle_counter"] > 0, 30, "a job is blocked")
        check(statistics(cluster)["bf_backfilled_jobs"] == 0, "nobody has overtaken it")
        check(statistics(cluster)["bf_table_size"] == 1, "its start is planned")
        small = cluster.submit("-n1", "-t5", wrap="sleep 100")
        cluster.wait_state(small, "RUNNING")
        stats = statistics(cluster)
        check(stats["bf_backfilled_jobs"] == 1, f"one has: {stats}")
        check(stats["bf_last_backfilled_jobs"] == 1, f"since the reset, too: {stats}")
        check(stats["schedule_cycle_total"] >= stats["bf_cycle_counter"] >= 2, f"cycles: {stats}")
        check(stats["schedule_cycle_max"] > 0, f"cycles take time: {stats}")
        check(stats["bf_last_depth"] >= 1, f"it was looked at: {stats}")
        check(stats["jobs_pending"] == 1 and stats["jobs_running"] == 2, f"{wide} waits: {stats}")


def requests_are_counted():
    with Cluster(nodes=1) as cluster:
        reset(cluster)
        for _ in range(3):
            cluster.must("squeue", user="daemon")
        cluster.submit(user="daemon")
        stats = statistics(cluster)
        types = {row["message_type"]: row for row in stats["rpcs_by_message_type"]}
        users = {row["user"]: row for row in stats["rpcs_by_user"]}
        check(types["QUERY_JOBS"]["count"] == 3, f"three lists: {types}")
        check(types["SUBMIT"]["count"] == 1, f"one submit: {types}")
        check(users["daemon"]["count"] >= 4, f"by one user: {users}")
        check(types["SUBMIT"]["total_time"] > 0, f"which takes time: {types}")
        ids = re.findall(
            r"^\t[A-Z_]+ +\( *(\d+)\) count", cluster.must("sdiag", "-i"), re.MULTILINE
        )
        check(len(ids) > 2 and ids == sorted(ids, key=int), f"-i sorts by number: {ids}")
        text = cluster.must("sdiag", user="daemon")
        check("Remote Procedure Call statistics by message type\n" in text, "any user may read")


def reset_needs_rights():
    with Cluster(nodes=1) as cluster:
        cluster.wait_end(cluster.submit())
        refused = cluster.run("sdiag", "-r", user="daemon")
        check(refused.returncode == 255, f"exit code: {refused}")
        expected = "slurm_reset_statistics: Access/permission denied\n"
        check(refused.stderr == expected, f"message: {refused}")
        check(jobs_of(cluster).get("submitted") == 1, "nothing was reset")
        cluster.must("sacctmgr", "-i", "add", "account", "staff")
        cluster.must(
            "sacctmgr", "-i", "add", "user", "daemon", "account=staff", "adminlevel=operator"
        )
        done = cluster.run("sdiag", "-r", user="daemon")
        check(done.returncode == 0, f"an operator may: {done}")
        check(jobs_of(cluster) == {}, "all was reset")


if __name__ == "__main__":
    main(
        jobs_are_counted,
        a_job_that_overtakes_is_backfilled,
        requests_are_counted,
        reset_needs_rights,
    )
