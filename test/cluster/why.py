#!/usr/bin/env python3
"""`sluice why` on real daemons: it names the QOS of each line, and what it offers holds: after the
change the job starts at once.
"""
import json

import harness
from harness import Cluster, check, wait_for

USER = "daemon"
cluster: Cluster

CONFIG = """cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
accounting_storage_enforce: limits,qos
accounting_storage_tres: gres/gpu
nodes:
  - {node_name: n1, node_addr: 127.0.0.1, cpus: 8, real_memory: 1024, gres: "gpu:a100:2",
     autodetect: no}
  - {node_name: n2, node_addr: 127.0.0.1, cpus: 8, real_memory: 1024, gres: "gpu:h100:2",
     autodetect: no}
partitions:
  - {partition_name: batch, nodes: ALL, default: yes}
  - {partition_name: first, nodes: n1}
  - {partition_name: second, nodes: n2}
"""


def job(*options):
    return cluster.submit("-t60", *options, wrap="sleep 600", user=USER)


def why(number):
    return json.loads(cluster.must("sluice", "why", number, "--json"))


def offers(number, change):
    """The change is offered, and is true: the job starts when it is made."""
    wait_for(lambda: why(number)["partitions"], 20, f"{number} is planned")
    told = {one["change"]: one for one in why(number)["sooner"]}
    check(change in told, f"{number}: {change} is not among {list(told)}")


def runs_with(number, *words):
    done = cluster.run("scontrol", "update", f"job={number}", *words)
    check(done.returncode == 0, f"{words}: {done.stderr}")
    cluster.wait_state(number, "RUNNING")


def end(*numbers):
    cluster.must("scancel", *numbers)
    cluster.wait_end(*numbers)


def another_partition():
    busy = job("-p", "first", "--exclusive")
    cluster.wait_state(busy, "RUNNING")
    waits = job("-p", "first")
    offers(waits, "--partition=second")
    runs_with(waits, "partition=second")
    end(busy, waits)


def another_gpu_type():
    busy = job("--gres=gpu:a100:2")
    cluster.wait_state(busy, "RUNNING")
    waits = job("--gres=gpu:a100:1")
    offers(waits, "--gres=gpu:h100:1")
    runs_with(waits, "gres=gpu:h100:1")
    end(busy, waits)


def less_time():
    cluster.must(
        *"scontrol create reservation reservationname=soon starttime=now+40minutes duration=60"
        " nodes=ALL users=root flags=ignore_jobs".split()
    )
    waits = job()
    offers(waits, "--time=00:30:00")
    runs_with(waits, "timelimit=30")
    end(waits)
    cluster.must("scontrol", "delete", "reservation=soon")


def another_qos():
    busy = job("-q", "tight")
    cluster.wait_state(busy, "RUNNING")
    waits = job("-q", "tight")
    offers(waits, "--qos=normal")
    lane = why(waits)["partitions"][0]
    check(lane["qos"] == "tight" and lane["account"] == "music", f"as whom: {lane}")
    text = cluster.must("sluice", "why", waits)
    check("Partition batch, account music, QOS tight: QOSMaxJobsPerUserLimit" in text, text)
    runs_with(waits, "qos=normal")
    end(busy, waits)


def another_account():
    busy = job("-A", "art")
    cluster.wait_state(busy, "RUNNING")
    waits = job("-A", "art")
    offers(waits, "--account=music")
    runs_with(waits, "account=music")
    end(busy, waits)


def account_and_qos_together():
    """art runs one job at a time, tight one of each user: neither change alone would do."""
    one = job("-A", "art", "-q", "normal")
    two = job("-A", "music", "-q", "tight")
    for number in (one, two):
        cluster.wait_state(number, "RUNNING")
    waits = job("-A", "art", "-q", "tight")
    offers(waits, "--qos=normal --account=music")
    alone = [change["change"] for change in why(waits)["sooner"]]
    check("--qos=normal" not in alone and "--account=music" not in alone, f"alone: {alone}")
    runs_with(waits, "account=music", "qos=normal")
    end(one, two, waits)


def several_qos():
    """A line for each QOS that the job may run under, and each is named."""
    busy = [job("--exclusive", "-w", node) for node in ("n1", "n2")]
    for number in busy:
        cluster.wait_state(number, "RUNNING")
    waits = job("-q", "normal,tight")
    wait_for(lambda: len(why(waits)["partitions"]) == 2, 20, "two lines")
    told = {lane["qos"] for lane in why(waits)["partitions"]}
    check(told == {"normal", "tight"}, f"as whom: {told}")
    end(*busy, waits)


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        cluster.must("sacctmgr", "-i", "add", "qos", "tight", "maxjobsperuser=1")
        for account, limit in (("music", ""), ("art", "grpjobs=1")):
            cluster.must("sacctmgr", "-i", "add", "account", account, *limit.split())
            cluster.must(
                "sacctmgr", "-i", "add", "user", USER, f"account={account}", "qos=normal,tight"
            )
        cluster.must("sacctmgr", "-i", "modify", "user", USER, "set", "defaultaccount=music")
        harness.main(
            another_partition,
            another_gpu_type,
            less_time,
            another_qos,
            another_account,
            account_and_qos_together,
            several_qos,
        )


if __name__ == "__main__":
    main()
