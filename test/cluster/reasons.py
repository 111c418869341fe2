#!/usr/bin/env python3
"""Every reason for which a job waits or ended, brought about on real daemons (limits of accounts
and QOS have a test of their own, limits.py). test/docs/coverage.py finds out what is missing.
"""
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
accounting_storage_enforce: associations,qos
licenses: matlab:2
nodes:
  - node_name: n[1-2]
    node_addr: 127.0.0.1
    cpus: 4
    real_memory: 1024
    features: red
    autodetect: no
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
  - partition_name: other
    nodes: ALL
  - partition_name: narrow
    nodes: ALL
    max_nodes: 1
    max_time: 30
"""


def job(*options, wrap="sleep 600", user=None):
    return cluster.submit("-t10", *options, wrap=wrap, user=user)


def shown(number):
    out = cluster.must("squeue", "-h", "-t", "all", "-j", number, "-o", "%T|%r").strip()
    return out.splitlines()[0] if out else ""


def waits_for(number, state, reason):
    try:
        wait_for(lambda: shown(number) == f"{state}|{reason}", 30, "")
    except harness.Failure:
        check(False, f"{number}: {state}|{reason}, not {shown(number)}")


def update(words):
    done = cluster.run("scontrol", "update", *words.split())
    check(done.returncode == 0, f"update {words}: {done.stderr}")


def end(*numbers):
    cluster.must("scancel", *numbers)
    cluster.wait_end(*numbers)


def queue():
    runs = job("-N1", "--exclusive")
    waits_for(runs, "RUNNING", "None")
    first = job("-N2", "--exclusive")
    waits_for(first, "PENDING", "Resources")
    second = job("-N2", "--exclusive")
    waits_for(second, "PENDING", "Priority")
    end(runs, first, second)


def holds():
    by_user = job("-H", user=USER)
    waits_for(by_user, "PENDING", "JobHeldUser")
    by_root = job("-N1")
    cluster.wait_state(by_root, "RUNNING")
    cluster.must("scontrol", "requeuehold", by_root)
    waits_for(by_root, "PENDING", "job requeued in held state")
    held = job("--begin=now+1hour", user=USER)
    waits_for(held, "PENDING", "BeginTime")
    cluster.must("scontrol", "hold", held)
    waits_for(held, "PENDING", "JobHeldAdmin")
    end(by_user, by_root, held)


def special_exit():
    odd = job()
    cluster.wait_state(odd, "RUNNING")
    cluster.must("scontrol", "requeuehold", "State=SpecialExit", odd)
    waits_for(odd, "SPECIAL_EXIT", "job requeued in special exit state")
    end(odd)


def dependencies():
    first = job()
    waits = job(f"--dependency=afterok:{first}")
    waits_for(waits, "PENDING", "Dependency")
    never = job(f"--dependency=afterok:{first}", "--kill-on-invalid-dep=no")
    end(first)
    waits_for(never, "PENDING", "DependencyNeverSatisfied")
    end(waits, never)


def array_tasks():
    array = job("--array=1-3%1")
    waits_for(f"{array}_[2-3%1]", "PENDING", "JobArrayTaskLimit")
    end(array)


def partitions():
    for state, reason in (("down", "PartitionDown"), ("inactive", "PartitionInactive")):
        waits = job("-p", "other", "-H")
        update(f"partitionname=other state={state}")
        cluster.must("scontrol", "release", waits)
        waits_for(waits, "PENDING", reason)
        update("partitionname=other state=up")
        cluster.wait_state(waits, "RUNNING")
        end(waits)
    wide = job("-p", "narrow", "-N2")
    waits_for(wide, "PENDING", "PartitionNodeLimit")
    long = cluster.submit("-p", "narrow", "-t60")
    waits_for(long, "PENDING", "PartitionTimeLimit")
    end(wide, long)


def access():
    waits = job("-p", "other", "-H", "-A", "music", user=USER)
    update("partitionname=other allowaccounts=art")
    cluster.must("scontrol", "release", waits)
    waits_for(
        waits,
        "PENDING",
        "Job's account not permitted to use this partition (other allows art not music)",
    )
    update("partitionname=other allowaccounts=ALL")
    cluster.wait_state(waits, "RUNNING")
    end(waits)


def accounts_that_go():
    """Whose account or QOS is taken away while the job waits."""
    cluster.must("sacctmgr", "-i", "add", "qos", "brief")
    cluster.must("sacctmgr", "-i", "modify", "user", USER, "set", "qos+=brief")
    waits = job("-H", "-q", "brief", "-A", "music", user=USER)
    cluster.must("sacctmgr", "-i", "modify", "user", USER, "set", "qos-=brief")
    cluster.must("scontrol", "release", waits)
    waits_for(waits, "PENDING", "InvalidQOS")
    end(waits)
    # Whoever came in without an association, before these were asked for.
    path = cluster.dir / "sluice.yaml"
    config = path.read_text()
    path.write_text(config.replace("associations,qos", "none"))
    cluster.must("scontrol", "reconfigure")
    waits = job("-H", user="games")
    path.write_text(config)
    cluster.must("scontrol", "reconfigure")
    cluster.must("scontrol", "release", waits)
    waits_for(waits, "PENDING", "InvalidAccount")
    end(waits)


def nodes():
    update("nodename=n1 state=drain reason=test")
    waits = job("-w", "n1", "--no-requeue")
    wait_for(lambda: "ReqNodeNotAvail" in shown(waits), 30, f"ReqNodeNotAvail: {shown(waits)}")
    update("nodename=n1 state=resume")
    cluster.wait_state(waits, "RUNNING")
    update("nodename=n1 state=down reason=test")
    cluster.wait_end(waits)
    waits_for(waits, "NODE_FAIL", "NodeDown")
    update("nodename=n1 state=resume")
    bad = job("-C", "red", "-H")
    for node in ("n1", "n2"):
        update(f"nodename={node} features=blue")
    cluster.must("scontrol", "release", bad)
    waits_for(bad, "PENDING", "BadConstraints")
    for node in ("n1", "n2"):
        update(f"nodename={node} features=red")
    end(bad)


def licences_and_reservations():
    runs = job("-L", "matlab:2")
    waits = job("-L", "matlab:1")
    waits_for(waits, "PENDING", "Licenses")
    end(runs, waits)
    cluster.must(
        *"scontrol create reservation reservationname=later starttime=now+1hour duration=60"
        " nodes=n1 users=root".split()
    )
    waits = job("--reservation=later")
    waits_for(waits, "PENDING", "Reservation")
    end(waits)
    held = job("--reservation=later", "-H")
    update("reservation=later starttime=now endtime=now+2")
    wait_for(lambda: "later was deleted" in shown(held), 30, f"its reservation: {shown(held)}")
    check(shown(held) == "RESV_DEL_HOLD|Reservation later was deleted", shown(held))
    end(held)


def ends():
    cases = (
        (job(wrap="exit 3"), "FAILED", "NonZeroExitCode"),
        (job(wrap="kill -9 $$"), "FAILED", "RaisedSignal:9(Killed)"),
    )
    for number, state, reason in cases:
        cluster.wait_end(number)
        waits_for(number, state, reason)
    late = job("-H")
    update(f"jobid={late} timelimit=1")
    update(f"jobid={late} deadline=now+2")
    cluster.wait_end(late)
    waits_for(late, "DEADLINE", "DeadLine")


def launch_failures():
    """A prolog that fails keeps a job from starting; after some attempts it is held."""
    prolog = cluster.work / "prolog"
    prolog.write_text("#!/bin/sh\nexit 1\n")
    prolog.chmod(0o755)
    path = cluster.dir / "sluice.yaml"
    config = path.read_text()
    path.write_text(config + f"prolog: {prolog}\nmax_batch_requeue: 1\n")
    cluster.must("scontrol", "reconfigure")
    fails = job()
    wait_for(
        lambda: shown(fails).endswith(("JobLaunchFailure", "launch failed requeued held")),
        30,
        f"a launch that fails: {shown(fails)}",
    )
    waits_for(fails, "PENDING", "launch failed requeued held")
    end(fails)
    path.write_text(config)
    cluster.must("scontrol", "reconfigure")
    for node in ("n1", "n2"):
        cluster.run("scontrol", "update", f"nodename={node}", "state=resume")
    cluster.wait_end(job(wrap="true"))


def clean(test):
    def run():
        try:
            test()
        finally:
            cluster.run("scancel", "-u", f"root,{USER}")

    run.__name__ = test.__name__
    return run


def main():
    global cluster
    tests = (
        queue,
        holds,
        special_exit,
        dependencies,
        array_tasks,
        partitions,
        access,
        accounts_that_go,
        nodes,
        licences_and_reservations,
        ends,
        launch_failures,
    )
    with Cluster(config=CONFIG) as cluster:
        for account in ("music", "art"):
            cluster.must("sacctmgr", "-i", "add", "account", account)
            cluster.must("sacctmgr", "-i", "add", "user", USER, f"account={account}")
        harness.main(*(clean(test) for test in tests))


if __name__ == "__main__":
    main()
