#!/usr/bin/env python3
"""A configuration without a word of priorities: who has waited long for its length goes first, as
sprio tells, and the controller finds the same order again after a restart."""
import harness
from harness import Cluster, check, wait_for

# The comment keeps the harness from asking for another order than the default.
CONFIG = """\
# no priority_type
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
priority_calc_period: 0:01
nodes:
  - {node_name: n1, node_addr: 127.0.0.1, cpus: 1, real_memory: 1024, autodetect: no}
partitions:
  - {partition_name: batch, nodes: ALL, default: yes}
"""
cluster = None


def priorities(*jobs):
    lines = cluster.must("squeue", "-h", "-t", "pending", "-o", "%i %Q").splitlines()
    known = {int(line.split()[0]): int(line.split()[1]) for line in lines}
    return [known.get(job, 0) for job in jobs]


def short_jobs_overtake():
    gate, order = cluster.work / "gate", cluster.work / "order"
    first = cluster.submit("-t", "10", wrap=f"while [ ! -e {gate} ]; do sleep 0.1; done")
    cluster.wait_state(first, "RUNNING")
    long_one = cluster.submit("-t", "1000", wrap=f"echo long >> {order}")
    short_one = cluster.submit("-t", "1", wrap=f"echo short >> {order}")

    def overtaken():
        long_priority, short_priority = priorities(long_one, short_one)
        return short_priority > long_priority > 0

    wait_for(overtaken, 30, "the short job to overtake the long one")
    rows = cluster.must("sprio", "-h", "-o", "%i %Y %S").splitlines()
    parts = {int(row.split()[0]): [int(word) for word in row.split()[1:]] for row in rows}
    for job in (long_one, short_one):
        whole, site = parts[job]
        check(whole == site > 0, f"{job}: all of {whole} is the order's part, {site}")
    cluster.kill("controller")
    cluster.must("sluice", "up", "--dir", cluster.dir)
    wait_for(overtaken, 30, "the same order after a restart")
    gate.touch()
    cluster.wait_end(first, long_one, short_one)
    check(order.read_text() == "short\nlong\n", f"they ran as {order.read_text().split()}")


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        harness.main(short_jobs_overtake)


if __name__ == "__main__":
    main()
