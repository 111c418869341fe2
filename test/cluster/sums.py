#!/usr/bin/env python3
"""sreport's sums are those of sacct's jobs, to the last second: of jobs of several fates and users,
while they run, after they ended, after the controller was killed; and nodes that were away.
"""
import re
import sqlite3

from harness import Cluster, check, main, wait_for

CONFIG = """\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
kill_wait: 1
nodes:
  - {node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 8, real_memory: 1000, autodetect: no}
partitions:
  - {partition_name: batch, nodes: ALL, default: yes}
"""
PERIOD = ("start=now-2hours", "end=now+1hour")


def sums(cluster):
    """{(account, user): CPU seconds}, by sreport and by sacct."""
    ours = {}
    lines = cluster.must("sreport", "-n", "-P", "-t", "sec", "user", "top", "topcount=99", *PERIOD)
    for line in lines.splitlines():
        _, user, _, account, used, _ = line.split("|")
        ours[account, user] = int(used)
    jobs = {}
    asked = ("sacct", "-a", "-X", "-D", "-n", "-P", "-S", "now-2hours", "-o")
    for line in cluster.must(*asked, "account,user,cputimeraw").splitlines():
        account, user, used = line.split("|")
        jobs[account, user] = jobs.get((account, user), 0) + int(used)
    return ours, {who: used for who, used in jobs.items() if used}


def same_sums(cluster, what):
    """Those that run go on between the two questions: then they are put again."""
    asked = [sums(cluster)]

    def agree():
        asked.append(sums(cluster))
        return asked[-1][0] == asked[-1][1]

    wait_for(agree, 20, f"{what}: sreport and sacct agree, not {asked[-1]}")
    return asked[-1][0]


def suspended(cluster, job):
    words = cluster.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "suspended").strip()
    return int(words.split(":")[-1])


def total(cluster):
    out = cluster.must("sreport", "-n", "-P", "-t", "sec", "cluster", "utilization", *PERIOD)
    if not out:  # nothing is known of the cluster before its first second
        return 0, 0
    _, allocated, down, planned_down, idle, planned, reported = map(
        lambda word: int(word) if word.isdigit() else word, out.strip().split("|")
    )
    check(allocated + down + planned_down + idle + planned == reported, f"parts of {out}")
    return allocated, down


def reported(cluster):
    out = cluster.must("sreport", "-n", "-P", "-t", "sec", "cluster", "utilization", *PERIOD)
    return int(out.strip().split("|")[-1])


def of_all_fates():
    with Cluster(config=CONFIG) as cluster:
        for account, user in (("art", "bin"), ("music", "daemon")):
            cluster.must("sacctmgr", "-i", "add", "account", account)
            cluster.must("sacctmgr", "-i", "add", "user", user, f"account={account}")
        ends = [cluster.submit("-n2", wrap="sleep 1", user="bin") for _ in range(3)]
        ends.append(cluster.submit("-n1", wrap="exit 3", user="daemon"))
        ends.append(cluster.submit("-n3", "--array=0-2", wrap="sleep 0.5", user="daemon"))
        long = cluster.submit("-n2", wrap="sleep 600", user="bin")
        still = cluster.submit("-n1", wrap="sleep 600", user="daemon")
        again = cluster.submit("-n1", "--requeue", wrap="sleep 600", user="daemon")
        for job in (long, still, again):
            cluster.wait_state(job, "RUNNING")
        cluster.must("scontrol", "suspend", still)
        wait_for(lambda: suspended(cluster, still) >= 1, 20, "a second of suspension")
        cluster.must("scontrol", "resume", still)
        cluster.must("scontrol", "requeue", again)
        cluster.wait_end(*ends)
        cluster.wait_state(again, "RUNNING")
        same_sums(cluster, "while some run")
        cluster.kill("controller")
        cluster.up()
        same_sums(cluster, "after a kill")
        cluster.must("scancel", long, still, again)
        cluster.wait_end(long, still, again)
        used = same_sums(cluster, "after the end")
        check(used["art", "bin"] >= 6 and used["music", "daemon"] > 0, f"{used}")
        cluster.kill("controller")
        cluster.up()
        check(same_sums(cluster, "after another kill") == used, "they stay")
        allocated, _ = total(cluster)
        check(allocated == sum(used.values()), f"allocated {allocated}, used {used}")
        jobs = cluster.must("sreport", "-n", "-P", "-t", "sec", "job", "sizesbyaccount", *PERIOD)
        check(sum(map(int, re.findall(r"\|(\d+)(?=\|)", jobs))) == allocated, f"sizes: {jobs}")
        made_anew(cluster, used)


def made_anew(cluster, used):
    """From the jobs' records; sums that somebody has changed are told, and right afterwards."""
    told = cluster.must("sluice", "rebuild")
    check("the same as before" in told, told)
    cluster.kill("controller")
    with sqlite3.connect(cluster.dir / "controller" / "state" / "sluice.db") as database:
        database.execute("UPDATE uses SET tres=(SELECT max(tres) FROM uses)")
    database.close()
    cluster.up()
    told = cluster.must("sluice", "rebuild")
    check("not what they should be" in told, told)
    told = cluster.must("sluice", "rebuild")
    check("the same as before" in told, told)
    check(same_sums(cluster, "made anew") == used, "they are right again")


def nodes_that_are_away():
    with Cluster(config=CONFIG) as cluster:
        cluster.must("scontrol", "update", "nodename=n1", "state=down", "reason=broken")
        wait_for(lambda: total(cluster)[1] >= 8, 20, "a node's seconds")
        cluster.must("scontrol", "update", "nodename=n1", "state=resume")
        cluster.run("srun", "-w", "n1", "true")
        down, begun = total(cluster)[1], reported(cluster)
        wait_for(lambda: reported(cluster) > begun + 32, 20, "time goes on")
        check(total(cluster)[1] == down, "it is back")


main(of_all_fates, nodes_that_are_away)
