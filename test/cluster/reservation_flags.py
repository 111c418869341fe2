#!/usr/bin/env python3
"""Every flag of reservations on real daemons: what it does, not only how it is shown.

A function for each flag; test/docs/coverage.py looks for `flags=NAME` here.
"""
import datetime
import os

# Local time of the daemons and of what scontrol prints: it changes at the end of March and October.
os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"

import harness
from harness import Cluster, check, wait_for

USER = "daemon"
cluster: Cluster

CONFIG = """cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
return_to_service: 2
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
licenses: matlab:10
nodes:
  - node_name: n[1-4]
    node_addr: 127.0.0.1
    cpus: 4
    real_memory: 1024
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
  - partition_name: part
    nodes: n[3-4]
"""


def scontrol(words, user=None):
    return cluster.run("scontrol", *words.split(), user=user)


def make(name, words, users="root"):
    done = scontrol(f"create reservation reservationname={name} users={users} {words}")
    check(done.returncode == 0, f"create {name} {words}: {done.stdout}{done.stderr}")
    return name


def show(name):
    """{key: value} of a reservation, {} if there is none."""
    out = scontrol(f"show reservation {name}").stdout
    return dict(word.split("=", 1) for word in out.split() if "=" in word)


def drop(*names):
    for name in names:
        wait_for(
            lambda n=name: scontrol(f"delete reservation={n}").returncode == 0 or not show(n),
            20,
            f"the deletion of {name}",
        )


def job(*options, wrap="sleep 600"):
    return cluster.submit("-t10", *options, wrap=wrap)


def reason(number):
    return cluster.must("squeue", "-h", "-j", number, "-o", "%T/%r/%v").strip()


def wait_reason(number, text):
    wait_for(lambda: reason(number) == text, 20, f"{number}: {text}, not {reason(number)}")


def node_of(number):
    cluster.wait_state(number, "RUNNING")
    return cluster.must("squeue", "-h", "-j", number, "-o", "%N").strip()


def cancel(*numbers):
    cluster.must("scancel", *numbers)
    cluster.wait_end(*numbers)


def refused(words, text):
    done = scontrol("create reservation reservationname=no users=root " + words)
    check(done.returncode == 1 and text in done.stderr, f"{words}: {done.stderr}")


def maint():
    make("m", "starttime=now duration=60 nodes=n1 flags=MAINT")
    wait_for(lambda: "maint" in cluster.must("sinfo", "-h", "-n", "n1", "-o", "%t"), 10, "maint")
    waits = job("-w", "n1")
    wait_reason(waits, "PENDING/ReqNodeNotAvail, Reserved for maintenance/(null)")
    cancel(waits)
    make("over", "starttime=now duration=30 nodes=n1 flags=MAINT")
    drop("over", "m")


def overlap():
    make("below", "starttime=now+1hour duration=60 nodes=n1")
    refused("starttime=now+1hour duration=60 nodes=n1", "overlaps with another reservation")
    make("above", "starttime=now+1hour duration=60 nodes=n1 flags=OVERLAP")
    drop("above", "below")


def flex():
    make("stiff", "starttime=now+1hour duration=60 nodes=n1")
    waits = job("--reservation=stiff")
    wait_reason(waits, "PENDING/Reservation/stiff")
    cancel(waits)
    make("soft", "starttime=now+1hour duration=60 nodes=n2 flags=FLEX")
    early = job("--reservation=soft")
    cluster.wait_state(early, "RUNNING")
    elsewhere = job("--reservation=soft", "-w", "n3")
    check(node_of(elsewhere) == "n3", "nodes that it has not")
    cancel(early, elsewhere)
    drop("stiff", "soft")


def magnetic():
    make("pull", "starttime=now duration=60 nodes=n4 flags=MAGNETIC")
    drawn = job()
    check(node_of(drawn) == "n4", f"it is drawn in: {reason(drawn)}")
    check(reason(drawn).endswith("/pull"), reason(drawn))
    cancel(drawn)
    drop("pull")


def repeated(flag, skip_days):
    """`scontrol update … skip` shows when it comes again."""
    make(flag.lower(), f"starttime=2030-01-04T08:00 duration=60 nodes=n1 flags={flag}")  # a Friday
    done = scontrol(f"update reservation={flag.lower()} skip")
    check(done.returncode == 0, done.stderr)
    next_start = datetime.datetime.fromisoformat(show(flag.lower())["StartTime"])
    wanted = datetime.datetime(2030, 1, 4, 8) + skip_days
    check(next_start == wanted, f"{flag}: {next_start}, not {wanted}")
    check(flag in show(flag.lower())["Flags"].split(","), show(flag.lower())["Flags"])
    drop(flag.lower())


def hourly():  # flags=HOURLY
    repeated("HOURLY", datetime.timedelta(hours=1))


def daily():  # flags=DAILY
    repeated("DAILY", datetime.timedelta(days=1))


def weekday():  # flags=WEEKDAY
    repeated("WEEKDAY", datetime.timedelta(days=3))


def weekend():  # flags=WEEKEND
    repeated("WEEKEND", datetime.timedelta(days=1))


def weekly():  # flags=WEEKLY
    repeated("WEEKLY", datetime.timedelta(days=7))


def the_local_hour_stays():
    """DAILY and WEEKLY over a change of the clocks (2030-03-31 and 2030-10-27)."""
    for flag, first, after in (
        ("DAILY", "2030-03-30T08:00:00", "2030-03-31T08:00:00"),
        ("WEEKLY", "2030-10-23T08:00:00", "2030-10-30T08:00:00"),
    ):
        make("dst", f"starttime={first} duration=60 nodes=n1 flags={flag}")
        done = scontrol("update reservation=dst skip")
        check(done.returncode == 0, done.stderr)
        shown = show("dst")
        check(shown["StartTime"] == after and shown["Duration"] == "01:00:00", str(shown))
        drop("dst")
    make("hour", "starttime=2030-03-31T01:30 duration=10 nodes=n1 flags=HOURLY")
    scontrol("update reservation=hour skip")
    check(show("hour")["StartTime"] == "2030-03-31T03:30:00", str(show("hour")))
    drop("hour")


def ignore_jobs():
    runs = job("-w", "n1")
    cluster.wait_state(runs, "RUNNING")
    refused("starttime=now duration=60 nodes=n1", "Requested nodes are busy")
    make("ign", "starttime=now duration=60 nodes=n1 flags=IGNORE_JOBS")
    check(reason(runs).startswith("RUNNING"), "the job goes on")
    cancel(runs)
    drop("ign")


def spec_nodes():
    make("named", "starttime=now+1hour duration=60 nodes=n1")
    check("SPEC_NODES" in show("named")["Flags"], "made for nodes that were named")
    make("counted", "starttime=now+1hour duration=60 nodecnt=1")
    check("SPEC_NODES" not in show("counted")["Flags"], "made for any")
    refused("starttime=now duration=60 nodes=n1 flags=SPEC_NODES", "Error parsing flags")
    drop("named", "counted")


def any_nodes():
    # LICENSE_ONLY is an older word for it: flags=LICENSE_ONLY
    for word in ("ANY_NODES", "LICENSE_ONLY"):
        make("any", f"starttime=now duration=60 licenses=matlab:8 flags={word}")
        outside = job("-L", "matlab:3")
        wait_reason(outside, "PENDING/Licenses/(null)")
        inside = job("-L", "matlab:8", "--reservation=any", "-w", "n2")
        check(node_of(inside) == "n2", "any node will do")
        cancel(outside, inside)
        drop("any")
    check(show("any") == {}, "flags=ANY_NODES")


def static_alloc():
    """Nodes of a reservation that go down are replaced, but not with STATIC_ALLOC."""
    for flags, replaced in (
        ("flags=STATIC_ALLOC", False),
        ("flags=STATIC", False),
        ("flags=REPLACE_DOWN", True),
    ):
        make("st", f"starttime=now duration=60 nodecnt=1 {flags}")
        node = show("st")["Nodes"]
        cluster.must("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
        if replaced:
            wait_for(lambda n=node: show("st")["Nodes"] != n, 20, f"{flags}: another node")
        else:
            check(show("st")["Nodes"] == node, f"{flags}: the same node")
            check("STATIC" in show("st")["Flags"], show("st")["Flags"])
        cluster.must("scontrol", "update", f"nodename={node}", "state=resume")
        drop("st")


def replace():
    make("re", "starttime=now duration=60 nodecnt=1 flags=REPLACE")
    node = show("re")["Nodes"]
    inside = job("--reservation=re", "--exclusive")
    check(node_of(inside) == node, "its node")
    wait_for(
        lambda: show("re")["Nodes"] != node, 20, "an idle node takes the place of the used one"
    )
    cancel(inside)
    drop("re")


def replace_down():
    static_alloc()  # flags=REPLACE_DOWN is the other half of it


def part_nodes():
    make("pn", "starttime=now duration=60 partitionname=part nodes=ALL flags=PART_NODES")
    check(show("pn")["Nodes"] == "n[3-4]", str(show("pn")))
    cluster.must("scontrol", "update", "partitionname=part", "nodes=n[2-4]")
    wait_for(lambda: show("pn")["Nodes"] == "n[2-4]", 20, "it follows the partition")
    cluster.must("scontrol", "update", "partitionname=part", "nodes=n[3-4]")
    drop("pn")


def time_float():
    make("fl", "starttime=now+5minutes duration=60 nodes=n1 flags=TIME_FLOAT")
    waits = job("-w", "n1")
    wait_reason(waits, "PENDING/ReqNodeNotAvail, May be reserved for other job/(null)")
    short = cluster.submit("-t2", "-w", "n1", wrap="true")
    cluster.wait_state(short, "COMPLETED")
    cancel(waits)
    drop("fl")


def purge_comp():
    make("pc", "starttime=now duration=60 nodes=n1 flags=PURGE_COMP=0:01")
    check("PURGE_COMP=00:00:01" in show("pc")["Flags"], show("pc")["Flags"])
    wait_for(lambda: show("pc") == {}, 30, "it goes away when nobody has used it for so long")


def no_hold_jobs_after_end():
    for flags, held in (("", True), ("flags=NO_HOLD_JOBS_AFTER_END", False)):
        make("nh", f"starttime=now duration=1 nodes=n1 {flags}")
        waits = job("--reservation=nh", "--hold")
        cluster.must("scontrol", "update", "reservation=nh", "endtime=now+1")
        wait_for(lambda: show("nh") == {}, 30, "its end")
        if held:
            out = cluster.must("squeue", "-h", "-j", waits, "-o", "%t %r").strip()
            check("RESV_DEL" in out or out.startswith("RD") or "Reservation" in out, out)
        else:
            cluster.must("scontrol", "release", waits)
            cluster.wait_state(waits, "RUNNING")
        cancel(waits)


def user_delete():
    make("plain", "starttime=now duration=60 nodes=n1", users=USER)
    check(scontrol("delete reservation=plain", user=USER).returncode == 1, "not without the flag")
    make("own", "starttime=now duration=60 nodes=n2 flags=USER_DELETE", users=USER)
    check(scontrol("delete reservation=own", user=USER).returncode == 0, "with it")
    drop("plain")


def force_start():
    past = "starttime=2020-01-01T08:00 duration=10 nodes=n1"
    refused(past + " flags=DAILY", "Invalid time specified")
    make("fs", past + " flags=DAILY,FORCE_START")
    start = datetime.datetime.fromisoformat(show("fs")["StartTime"])
    check(start.hour == 8 and start > datetime.datetime(2025, 1, 1), f"its next time: {start}")
    drop("fs")


def clean(test):
    """The test, and no reservation or job of it left over whatever came of it."""

    def run():
        try:
            test()
        finally:
            cluster.run("scancel", "-u", "root")
            for line in scontrol("show reservation").stdout.splitlines():
                if line.startswith("ReservationName="):
                    drop(line.split()[0].split("=")[1])

    run.__name__ = test.__name__
    return run


def main():
    global cluster
    tests = (
        maint,
        overlap,
        flex,
        magnetic,
        hourly,
        daily,
        weekday,
        weekend,
        weekly,
        the_local_hour_stays,
        ignore_jobs,
        spec_nodes,
        any_nodes,
        static_alloc,
        replace,
        part_nodes,
        time_float,
        purge_comp,
        no_hold_jobs_after_end,
        user_delete,
        force_start,
    )
    with Cluster(config=CONFIG) as cluster:
        harness.main(*(clean(test) for test in tests))


if __name__ == "__main__":
    main()
