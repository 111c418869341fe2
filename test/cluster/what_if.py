#!/usr/bin/env python3
"""`sluice sim --from-state`: what would start when, as things are and if they were others."""
import csv
import datetime
import os

import harness
from harness import Cluster, check, wait_for

CONFIG = """\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
{more}
nodes:
  - {{node_name: "n[1-{nodes}]", node_addr: 127.0.0.1, cpus: 2, sockets: 2, cores_per_socket: 1,
     real_memory: 1024, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes, max_time: {limit}}}
"""
SMALL_FIRST = """\
priority_type: priority/multifactor
priority_weight_job_size: 100000
priority_favor_small: yes
"""
cluster = None


def config(nodes=1, limit="UNLIMITED", more=""):
    path = cluster.work / "changed.yaml"
    path.write_text(CONFIG.format(nodes=nodes, limit=limit, more=more))
    return path


def forecast(*options):
    """[row of the CSV file as a dictionary], by job."""
    path = cluster.work / "starts.csv"
    cluster.must("sluice", "sim", "--from-state", "--csv", path, *options)
    with open(path, encoding="ascii") as lines:
        return {row["job"]: row for row in csv.DictReader(lines)}


def minutes(text, begun):
    """From the first job's start on."""
    return round((datetime.datetime.fromisoformat(text) - begun).total_seconds() / 60, 1)


def wants(row, column, begun, expected):
    told = minutes(row[column], begun)
    check(abs(told - expected) < 0.5, f"{column} of {row}: {told} minutes, not {expected}")


def starts_of_the_plan():
    first = cluster.submit("-n2", "-t10", wrap="sleep 600")
    cluster.wait_state(first, "RUNNING")
    begun = cluster.must("sacct", "-X", "-n", "-P", "-j", first, "-o", "start").strip()
    begun = datetime.datetime.fromisoformat(begun)
    wide = cluster.submit("-n2", "-t20")
    later = cluster.submit("-n1", "-t5")
    held = cluster.submit("-n1", "-H")
    array = cluster.submit("-n1", "-t10", "--array=1-4")

    now = forecast()
    wants(now[str(wide)], "present_first", begun, 10)
    wants(now[str(later)], "present_first", begun, 30)
    check(now[str(held)]["present_first"] == "", f"a held job starts: {now[str(held)]}")
    tasks = next(row for job, row in now.items() if job.startswith(f"{array}_"))
    check(tasks["tasks"] == "4", f"tasks: {tasks}")
    wants(tasks, "present_first", begun, 30)
    wants(tasks, "present_last", begun, 45)

    half = forecast("--runs", "50%")
    wants(half[str(wide)], "present_first", begun, 5)
    more = forecast("--config", config(nodes=2))
    wants(more[str(wide)], "present_first", begun, 10)
    check(minutes(more[str(wide)]["changed_first"], begun) < 5, f"not at once: {more[str(wide)]}")
    wants(more[str(later)], "changed_first", begun, 10)
    short = forecast("--config", config(limit="15"))
    check(short[str(wide)]["changed_first"] == "", f"beyond its partition's limit: {short}")
    wants(short[str(later)], "changed_first", begun, 10)
    small = forecast("--config", config(more=SMALL_FIRST))
    wants(small[str(later)], "changed_first", begun, 10)
    wants(small[str(wide)], "present_first", begun, 10)
    check(minutes(small[str(wide)]["changed_first"], begun) > 30, f"not the last: {small}")


def the_cluster_is_left_alone():
    before = cluster.must("squeue", "-a", "-h", "-o", "%i %t %r")
    shown = cluster.must("sluice", "sim", "--from-state", cluster.dir, "--config", config(nodes=2))
    check("PRESENT" in shown and "CHANGED" in shown, shown)
    check(cluster.must("squeue", "-a", "-h", "-o", "%i %t %r") == before, "jobs have changed")
    check(cluster.must("sinfo", "-h", "-o", "%D").strip() == "1", "nodes have changed")


def refusals():
    for words, text in (
        (("--from-state", "--runs", "none"), "jobs run limit, mean or 1% to 100%"),
        (("--from-state", "/nonexistent"), "there is no cluster"),
        ((), "--trace, --submissions or --from-state is needed"),
    ):
        done = cluster.run("sluice", "sim", *words)
        check(done.returncode == 1 and text in done.stderr, f"{words}: {done}")
    for words in (("--from-state", "--trace", "x"), ("--from-state", "--policy", "easy")):
        check(cluster.run("sluice", "sim", *words).returncode > 1, f"{words} were accepted")
    broken = cluster.work / "broken.yaml"
    broken.write_text("nodes: 3\n")
    done = cluster.run("sluice", "sim", "--from-state", "--config", broken)
    check(done.returncode == 1 and "broken.yaml" in done.stderr, f"a broken file: {done}")


def another_user_may_ask():
    if os.geteuid() != 0:
        return
    done = cluster.run("sluice", "sim", "--from-state", cluster.dir, user="daemon")
    told = "can't be read" in done.stderr or "JOBID" in done.stdout
    check(told, f"neither an answer nor the reason: {done}")


def main():
    global cluster
    with Cluster(config=CONFIG.format(nodes=1, limit="UNLIMITED", more="")) as cluster:
        wait_for(lambda: "idle" in cluster.must("sinfo", "-h", "-o", "%t"), 30, "the node")
        harness.main(starts_of_the_plan, the_cluster_is_left_alone, refusals, another_user_may_ask)


if __name__ == "__main__":
    main()
