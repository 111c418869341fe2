#!/usr/bin/env python3
"""Advanced reservations and licences on real daemons, as administrator and as a user: what scontrol
says and returns, who gets the nodes, what survives a restart of the controller.
"""
import harness
from harness import Cluster, check, wait_for

USER = "daemon"
cluster: Cluster

CONFIG = """cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
return_to_service: 2
def_mem_per_cpu: 100
licenses: matlab:10,ansys:5
nodes:
  - node_name: n[1-4]
    node_addr: 127.0.0.1
    cpus: 4
    real_memory: 1024
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
"""

# command after `scontrol`, exit code, what it prints on both streams
TEXTS = (
    (
        "create reservation",
        1,
        "scontrol: error: A start time must be given.  No reservation created.\n",
    ),
    (
        "create reservation reservationname=a starttime=now",
        1,
        "scontrol: error: An end time or duration must be given.  No reservation created.\n",
    ),
    (
        "create reservation reservationname=a starttime=now duration=10 users=root",
        1,
        "scontrol: error: CoreCnt, Nodes, NodeCnt, BurstBuffer, Licenses or Watts must be"
        " specified.  No reservation created.\n",
    ),
    (
        "create reservation reservationname=a starttime=now duration=10 nodes=n1",
        1,
        "scontrol: error: Either Users/Groups and/or Accounts must be specified."
        "  No reservation created.\n",
    ),
    (
        "create reservation starttime=now duration=10 nodes=zz users=root",
        1,
        "Error creating the reservation: Invalid node name specified\n",
    ),
    (
        "create reservation starttime=bogus duration=10 nodes=n1 users=root",
        1,
        "Invalid time specification (pos=0): bogus\n"
        "scontrol: error: Invalid start time starttime=bogus.  No reservation created.\n",
    ),
    (
        "create reservation starttime=now duration=bogus nodes=n1 users=root",
        1,
        "scontrol: error: Invalid duration duration=bogus.  No reservation created.\n",
    ),
    (
        "create reservation starttime=2020-01-01 duration=10 nodes=n1 users=root",
        1,
        "Error creating the reservation: Invalid time specified\n",
    ),
    (
        "create reservation starttime=now+10 endtime=now nodes=n1 users=root",
        1,
        "scontrol: error: Start time cannot be after end time.  No reservation created.\n",
    ),
    (
        "create reservation starttime=now duration=10 nodes=n1 users=nosuchuser",
        1,
        "Error creating the reservation: Invalid user id\n",
    ),
    (
        "create reservation starttime=now duration=10 nodes=n1 groups=nosuchgroup",
        1,
        "Error creating the reservation: Invalid group id\n",
    ),
    (
        "create reservation starttime=now duration=10 nodes=n1 users=root flags=bogus",
        1,
        "scontrol: error: Error parsing flags bogus.  No reservation created.\n",
    ),
    (
        "create reservation starttime=now duration=10 nodes=n1 users=root bogus=1",
        1,
        "scontrol: error: Unknown parameter bogus=1.  No reservation created.\n",
    ),
    (
        "create reservation starttime=now duration=10 nodecnt=x users=root",
        1,
        "scontrol: error: Invalid node count x\n",
    ),
    (
        "create reservation starttime=now duration=10 corecnt=9999 users=root",
        1,
        "Error creating the reservation: Requested nodes are busy\n"
        "Note, unless nodes are directly requested a reservation must exist in a single"
        " partition.\nIf no partition is requested the default partition is assumed.\n",
    ),
    (
        "create reservation starttime=now duration=10 licenses=nosuch flags=any_nodes users=root",
        1,
        "Error creating the reservation: Invalid license specification\n",
    ),
    (
        "create reservation starttime=now duration=10 nodes=n1 users=root tres=foo=1",
        1,
        "scontrol: error: couldn't identify configured TRES 'foo'\n",
    ),
    ("create foo=bar", 1, "scontrol: error: Invalid creation entity: foo=bar\n"),
    ("create", 1, "too few arguments for create keyword\n"),
    ("delete", 1, "too few arguments for delete keyword\n"),
    (
        "delete nosuch",
        1,
        "scontrol: error: Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'\n",
    ),
    ("delete foo=bar", 1, "Invalid deletion entity: foo=bar\n"),
    (
        "delete reservation=nosuch",
        1,
        "delete_reservation reservation=nosuch: Requested reservation is invalid\n",
    ),
    (
        "update reservation=nosuch duration=5",
        1,
        "Error updating the reservation: Requested reservation is invalid\n"
        "slurm_update error: Requested reservation is invalid\n",
    ),
    ("show reservation nosuch", 1, "Reservation nosuch not found\n"),
    ("show reservation", 0, "No reservations in the system\n"),
    (
        "show licenses",
        0,
        "LicenseName=ansys\n    Total=5 Used=0 Free=5 Reserved=0 Remote=no\n"
        "LicenseName=matlab\n    Total=10 Used=0 Free=10 Reserved=0 Remote=no\n",
    ),
)


def scontrol(words, user=None):
    return cluster.run("scontrol", *words.split(), user=user)


def make(words):
    done = scontrol("create reservation " + words)
    check(done.returncode == 0, f"create {words}: {done.stdout}{done.stderr}")
    return done.stdout.split()[-1]


def reason(job):
    return cluster.must("squeue", "-h", "-j", job, "-o", "%T/%r/%v").strip()


def wait_reason(job, text):
    wait_for(lambda: reason(job) == text, 20, f"{job}: {text}, not {reason(job)}")


def texts():
    for words, code, wanted in TEXTS:
        done = scontrol(words)
        check(
            done.returncode == code and done.stderr + done.stdout == wanted,
            f"scontrol {words}: {done.returncode} {done.stderr + done.stdout!r}",
        )


def shown():
    name = make(
        "starttime=2030-01-02T03:00 duration=1-2 nodes=n[1-2] users=root flags=maint,weekly"
    )
    text = cluster.must("scontrol", "show", "reservation", name)
    check(
        text == f"ReservationName={name} StartTime=2030-01-02T03:00:00"
        " EndTime=2030-01-03T05:00:00 Duration=1-02:00:00\n"
        "   Nodes=n[1-2] NodeCnt=2 CoreCnt=8 Features=(null) PartitionName=(null)"
        " Flags=MAINT,WEEKLY,SPEC_NODES\n   TRES=cpu=8\n"
        "   Users=root Groups=(null) Accounts=(null) Licenses=(null) State=INACTIVE"
        " BurstBuffer=(null) Watts=n/a\n   MaxStartDelay=(null)\n\n",
        text,
    )
    check(name.startswith("root_"), name)
    table = cluster.must("sinfo", "-T").split("\n")
    check(table[0].startswith("RESV_NAME     STATE           START_TIME"), table[0])
    check(f"{name:<9}  INACTIVE  2030-01-02T03:00:00" in table[1], table[1])
    check('"name": "' + name in cluster.must("scontrol", "show", "reservation", "--json"), "json")
    cluster.must("scontrol", "delete", f"reservation={name}")


def keeps_others_off():
    make("reservationname=r1 starttime=now duration=60 nodes=n[1-3] users=root")
    wait_for(lambda: "resv" in cluster.must("sinfo", "-h", "-o", "%t"), 10, "resv in sinfo")
    inside = cluster.submit("--reservation=r1", "-w", "n1", wrap="sleep 300")
    cluster.wait_state(inside, "RUNNING")
    check(reason(inside) == "RUNNING/None/r1", reason(inside))
    outside = cluster.submit("-w", "n2", "-t", "5")
    wait_reason(outside, "PENDING/ReqNodeNotAvail, May be reserved for other job/(null)")
    denied = cluster.run(
        "sbatch", "--reservation=r1", "--wrap", "true", "-o", "/dev/null", user=USER
    )
    check("Access denied to requested reservation" in denied.stderr, denied.stderr)
    unknown = cluster.run("sbatch", "--reservation=nosuch", "--wrap", "true")
    check("Requested reservation is invalid" in unknown.stderr, unknown.stderr)
    away = cluster.run("sbatch", "--reservation=r1", "-N4", "--wrap", "true")
    check("Requested node configuration is not available" in away.stderr, away.stderr)
    used = scontrol("delete reservation=r1")
    check(
        used.stderr == "delete_reservation reservation=r1: Requested reservation is in use\n", used
    )
    check(str(inside) in cluster.must("squeue", "-h", "-R", "r1", "-o", "%i"), "squeue -R")
    for words in (
        "create reservation starttime=now duration=1 nodes=n4 users=daemon",
        "delete reservation=r1",
        "update reservation=r1 duration=5",
    ):
        done = scontrol(words, user=USER)
        check(done.returncode == 1 and "Invalid user id" in done.stderr, done.stderr)
    # It outlives the controller.
    cluster.kill("controller")
    cluster.up()
    wait_reason(outside, "PENDING/ReqNodeNotAvail, May be reserved for other job/(null)")
    cluster.must("scancel", inside)
    cluster.wait_end(inside)
    wait_for(lambda: scontrol("delete reservation=r1").returncode == 0, 20, "the deletion")
    cluster.wait_end(outside)


def srun_and_salloc():
    make("reservationname=r2 starttime=now duration=60 nodes=n4 users=root")
    out = cluster.must("srun", "--reservation=r2", "--mem=20M", "printenv", "SLURM_JOB_RESERVATION")
    check(out == "r2\n", out)
    out = cluster.must(
        "salloc", "--reservation=r2", "--mem=20M", "srun", "printenv", "SLURMD_NODENAME"
    )
    check(out == "n4\n", out)
    wait_for(lambda: scontrol("delete reservation=r2").returncode == 0, 20, "the deletion")


def user_delete():
    make(f"reservationname=u starttime=now duration=60 nodes=n4 users={USER} flags=user_delete")
    check(scontrol("delete reservation=u", user=USER).returncode == 0, "USER_DELETE")


def moved_by_update():
    make("reservationname=later starttime=now+1hour duration=60 nodes=n4 users=root")
    job = cluster.submit("-w", "n4", "--hold")
    cluster.must("scontrol", "update", f"jobid={job}", "reservation=later")
    cluster.must("scontrol", "release", job)
    wait_reason(job, "PENDING/Reservation/later")
    cluster.must("scontrol", "update", "reservation=later", "starttime=now")
    cluster.wait_state(job, "COMPLETED")
    wait_for(lambda: scontrol("delete reservation=later").returncode == 0, 20, "the deletion")


def licenses():
    for wrong in ("nosuch", "matlab:99", "matlab:x", "matlab:1,ansys:9"):
        done = cluster.run("sbatch", "-L", wrong, "--wrap", "true")
        check("Invalid license specification" in done.stderr, f"{wrong}: {done.stderr}")
    first = cluster.submit("-L", "matlab:7", wrap="sleep 300")
    second = cluster.submit("-L", "matlab:4", "-t", "5")
    third = cluster.submit("-L", "matlab:9|ansys:2", wrap="sleep 300")
    cluster.wait_state(first, "RUNNING")
    wait_reason(second, "PENDING/Licenses/(null)")
    cluster.wait_state(third, "RUNNING")
    out = cluster.must("scontrol", "show", "licenses")
    check("Total=5 Used=2" in out and "Total=10 Used=7" in out, out)
    cluster.must("scancel", first)
    cluster.wait_state(second, "COMPLETED")
    name = make("starttime=now duration=60 licenses=matlab:8 flags=any_nodes users=daemon")
    check("Reserved=8" in cluster.must("scontrol", "show", "licenses"), "reserved")
    outside = cluster.submit("-L", "matlab:3", "-t", "5")
    wait_reason(outside, "PENDING/Licenses/(null)")
    cluster.must("scontrol", "delete", f"reservation={name}")
    cluster.wait_state(outside, "COMPLETED")
    cluster.must("scancel", third)
    cluster.wait_end(third)


def main():
    global cluster
    with Cluster(config=CONFIG) as cluster:
        harness.main(
            texts,
            shown,
            keeps_others_off,
            srun_and_salloc,
            user_delete,
            moved_by_update,
            licenses,
        )


if __name__ == "__main__":
    main()
