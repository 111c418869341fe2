#!/usr/bin/env python3
"""Every limit of associations and QOS on real daemons, at every place that may have it: set with
sacctmgr, it holds a job (or refuses it) with its own reason, and once it is lifted the job runs.
Also: flags of QOS, and the levels of AccountingStorageEnforce.

    limits.py                           the tables, on a cluster of Sluice's own
    limits.py --table                   which limit is tested at which place, with which reason
    limits.py --reference SLURM_CONF    the same tables on the reference that this file configures:
                                        tells where its reasons are others

The reasons in the tables are those of Debian's slurm-wlm 22.05. Needs root.
"""
import concurrent.futures
import os
import queue
import re
import subprocess
import sys

import harness
import limit_rows
from harness import check, wait_for
from limit_rows import (
    ABOVE,
    ACCOUNT,
    AGEING,
    ALONE,
    DENIED,
    LEAST_PRIORITY,
    NEWER,
    NODES,
    PARTITION,
    PASSED,
    QOS,
    ROWS,
    SUBMIT,
    USER,
)

# Of each lane: who is limited, and another in the same account.
USERS = (("daemon", "bin"), ("games", "mail"), ("news", "sys"))
CONFIG = f"""\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
accounting_storage_enforce: limits,qos
accounting_storage_tres: gres/gpu,license/lic
priority_type: priority/multifactor
priority_weight_age: 1000
priority_calc_period: 0:01  # a second
licenses: lic:32
nodes:
  - {{node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 64, sockets: 64, cores_per_socket: 1,
     real_memory: 4000, gres: "gpu:16", autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes}}
  - {{partition_name: part, nodes: ALL}}
  - {{partition_name: short, nodes: ALL, max_time: 10, max_nodes: 1}}
  - {{partition_name: wide, nodes: ALL, min_nodes: 2}}
{"".join(f"  - {{partition_name: limited{n}, nodes: ALL, qos: partqos{n}}}" + chr(10)
         for n in range(len(USERS)))}"""
# What each job of the tables has: 4 CPUs, 40 MB, 2 nodes, 4 GPUs, 2 licences, for 10 minutes.
JOB = ("-N2", "-n2", "-c2", "--mem=20", "--gres=gpu:2", "-Llic:2", "-t10")
SLEEP = "exec sleep 600"


class Reference:
    """The same commands on a cluster that SLURM_CONF names."""

    def __init__(self, conf):
        self.environment = dict(os.environ, SLURM_CONF=conf)

    def run(self, *words, user=None):
        options = {"user": user, "group": user, "extra_groups": []} if user else {}
        return subprocess.run(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.environment,
            cwd="/",
            **options,
        )

    def must(self, *words, **options):
        done = self.run(*words, **options)
        check(done.returncode == 0, f"{words}: {done.returncode}: {done.stderr}")
        return done.stdout


cluster = None


class Lane:
    """An account with two users and a QOS of its own, so that rows can be tried side by side."""

    def __init__(self, number):
        self.users = USERS[number]
        self.above, self.account, self.qos = f"science{number}", f"physics{number}", f"q{number}"
        self.part_qos, self.partition = f"partqos{number}", f"limited{number}"

    def make(self):
        both = ",".join(self.users)
        for words in (
            ("add", "qos", f"{self.qos},{self.part_qos}"),
            ("add", "account", self.above),
            ("add", "account", self.account, f"parent={self.above}"),
            ("add", "user", both, f"account={self.account}"),
            ("modify", "account", self.above, "set", f"qos={self.qos}", f"defaultqos={self.qos}"),
        ):
            cluster.run("sacctmgr", "-i", *words)
        if isinstance(cluster, Reference):
            for words in (
                (f"PartitionName={self.partition}", f"QOS={self.part_qos}"),
                ("PartitionName=short", "MaxTime=10", "MaxNodes=1"),
                ("PartitionName=wide", "MinNodes=2"),
            ):
                cluster.run("scontrol", "create", *words, "Nodes=ALL", "State=UP")

    def modify(self, holder, setting):
        names = {
            ABOVE: ("account", self.above),
            ACCOUNT: ("account", self.account),
            USER: ("user", self.users[0], "where", f"account={self.account}"),
            QOS: ("qos", self.qos),
            PARTITION: ("qos", self.part_qos),
        }
        words = ("sacctmgr", "-i", "modify", *names[holder], "set", *setting.split())
        done = cluster.run(*words)
        check(done.returncode == 0, f"{setting}: {done.stdout}{done.stderr}")

    def sbatch(self, *words, other=False):
        words = ("sbatch", "--parsable", "-D/", "-o/dev/null", *words, "--wrap", SLEEP)
        return cluster.run(*words, user=self.users[1 if other else 0])

    def submit(self, *words, other=False):
        done = self.sbatch(*words, other=other)
        check(done.returncode == 0, f"{words}: {done.stderr}")
        return done.stdout.strip()

    def placed(self, holder, words):
        return (f"-p{self.partition}", *words) if holder == PARTITION else words

    def hold_back(self, row, jobs, words):
        """Sets the row's limit and submits what it keeps back; `jobs` gets what was submitted."""
        holder, how, limit, reason = row
        words = [self.placed(holder, one) for one in words]
        self.modify(holder, limit)
        if how != ALONE:
            other = holder != USER and limit.startswith(("Grp", "MaxJobsPerA", "MaxSubmitJobsPerA"))
            other = other or "PerAccount" in limit
            jobs.append(self.submit(*words[0], other=other))
            wait_running(jobs[0])
        if how == SUBMIT:
            refused(self.sbatch(*words[1]), reason)
        else:
            jobs.append(self.submit(*words[1]))
            wait_reason(jobs[-1], reason)

    def try_row(self, row, words):
        """What is wrong, if something is."""
        jobs = []
        try:
            self.hold_back(row, jobs, words)
            self.modify(row[0], lifted(row[2]))
            if row[1] == SUBMIT:
                jobs.append(self.submit(*self.placed(row[0], words[1])))
            wait_running(jobs[-1])
            return None
        except harness.Failure as failure:
            self.modify(row[0], lifted(row[2]))
            return f"{row[0]} {row[2]}: {failure}"
        finally:
            if jobs:
                gone(*jobs)


def lifted(limit):
    return limit.rsplit("=", 1)[0] + "=-1"


def refused(done, reason):
    told = f"{done.stdout}{done.stderr}"
    check(done.returncode == 1 and reason in told, f"{reason} expected: {told}")


def shown(job, field):
    return cluster.must("squeue", "-h", "-j", job, "-o", field).strip()


def wait_running(job):
    wait_for(lambda: shown(job, "%T") == "RUNNING", 30, f"job {job} running: {shown(job, '%r')}")


def wait_reason(job, reason, seconds=5):
    last = [""]

    def there():
        last[0] = shown(job, "%T %r")
        return last[0] == f"PENDING {reason}"

    try:
        wait_for(there, seconds, "")
    except harness.Failure:
        raise harness.Failure(f"{reason} expected, the job is {last[0]}") from None


def gone(*jobs):
    cluster.must("scancel", *jobs)
    wait_for(lambda: not shown(",".join(jobs), "%i"), 30, f"the end of {jobs}")


def in_lanes(work):
    """Calls each (function of a lane) with some lane; none has two at once."""
    free = queue.SimpleQueue()
    for lane in lanes:
        free.put(lane)

    def one(function):
        lane = free.get()
        try:
            return function(lane)
        finally:
            free.put(lane)

    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        return list(pool.map(one, work))


def try_rows(rows, first=JOB, second=JOB):
    if isinstance(cluster, Reference):
        rows = [row for row in rows if not row[2].startswith(NEWER)]
    wrong = in_lanes([lambda lane, row=row: lane.try_row(row, (first, second)) for row in rows])
    check(not any(wrong), "\n".join(["", *filter(None, wrong)]))


def each_limit_has_its_reason():
    try_rows(ROWS)


def nodes_are_limited():
    try_rows(NODES, ("-N1", "-wn1", "-t10"), ("-N1", "-wn2", "-t10"))


def nodes_are_counted_once():
    """Two jobs on one node use one node; who may use no other one gets that one."""
    lane = lanes[0]
    for holder, _, limit, _ in NODES:
        lane.modify(holder, limit)
        where = lane.placed(holder, ("-N1", "-t10"))
        jobs = [lane.submit("-wn2", *where), lane.submit("-wn2", *where), lane.submit(*where)]
        for job in jobs:
            wait_running(job)
            check(shown(job, "%N") == "n2", f"{limit}: {job} is on {shown(job, '%N')}")
        lane.modify(holder, lifted(limit))
        gone(*jobs)


def the_first_that_is_set_counts():
    lane = lanes[0]
    words = (f"-p{lane.partition}", *JOB)
    lane.modify(PARTITION, "MaxJobsPerUser=1")
    lane.modify(QOS, "MaxJobsPerUser=2")
    lane.modify(USER, "MaxJobs=1")
    first = lane.submit(*words)
    second = lane.submit(*words)
    wait_reason(second, "QOSMaxJobsPerUserLimit")
    lane.modify(QOS, "flags=OverPartQOS")
    wait_running(second)
    third = lane.submit(*words)
    wait_reason(third, "QOSMaxJobsPerUserLimit")
    lane.modify(QOS, "flags=-1 MaxJobsPerUser=-1")
    lane.modify(PARTITION, "MaxJobsPerUser=-1")
    wait_reason(third, "AssocMaxJobsLimit")
    lane.modify(USER, "MaxJobs=-1")
    wait_running(third)
    gone(first, second, third)


def deny_on_limit():
    lane = lanes[0]
    lane.modify(QOS, "flags=DenyOnLimit")
    for holder, limit, reason in DENIED:
        lane.modify(holder, limit)
        done = lane.sbatch(*JOB)
        lane.modify(holder, lifted(limit))
        refused(done, reason)
    for limit in ("MaxJobsPerUser=0", "GrpJobs=0"):  # these say nothing of the job by itself
        lane.modify(QOS, limit)
        gone(lane.submit(*JOB))
        lane.modify(QOS, lifted(limit))
    lane.modify(QOS, "flags=-1")


def each_partition_must_let_a_submit_in():
    """A job that waits counts for the QOS of all its partitions."""
    lane = lanes[0]
    both = f"-pbatch,{lane.partition}"
    lane.modify(PARTITION, "MaxSubmitJobsPerUser=1")
    first = lane.submit("-H", both, *JOB)
    for where in (f"-p{lane.partition}", both):
        refused(lane.sbatch(where, *JOB), "QOSMaxSubmitJobPerUserLimit")
    second = lane.submit("-pbatch", *JOB)
    cluster.must("scontrol", "release", first)
    wait_running(first)
    check(shown(first, "%P") == "batch", "it runs in batch")
    third = lane.submit(f"-p{lane.partition}", *JOB)
    gone(first, second, third)
    lane.modify(PARTITION, "MaxSubmitJobsPerUser=-1")
    lane.modify(PARTITION, "MaxTRESPerJob=cpu=3 flags=DenyOnLimit")
    refused(lane.sbatch(both, *JOB), "QOSMaxCpuPerJobLimit")
    lane.modify(PARTITION, "MaxTRESPerJob=cpu=-1 MaxWall=5 flags=-1")
    job = lane.submit("-H", both, "-N1", "-n1")
    check(shown(job, "%l") == "5:00", f"the shortest MaxWall is the default: {shown(job, '%l')}")
    gone(job)
    lane.modify(PARTITION, "MaxWall=-1")


def limits_of_partitions_are_passed():
    lane = lanes[0]
    for flag, words, reason in PASSED:
        job = lane.submit(*words)
        wait_reason(job, reason)
        lane.modify(QOS, f"flags={flag}")
        wait_running(job)
        lane.modify(QOS, "flags=-1")
        gone(job)


def a_reservation_is_required():
    lane = lanes[0]
    cluster.must(
        *("scontrol", "create", "reservation", "reservationname=r1", "starttime=now"),
        *("duration=60", f"users={lane.users[0]}", "nodes=n1"),
    )
    lane.modify(QOS, "flags=RequiresReservation")
    refused(lane.sbatch(*JOB), "Invalid qos specification")
    job = lane.submit("-N1", "-n1", "-t10", "--reservation=r1")
    wait_running(job)
    waits = lane.submit("-H", "-N1", "-n1", "-t10", "--reservation=r1")
    done = cluster.run("scontrol", "update", f"jobid={waits}", "reservation=")
    check(done.returncode == 1 and "Invalid qos specification" in done.stderr, str(done))
    gone(job, waits)
    lane.modify(QOS, "flags=-1")
    cluster.must("scontrol", "delete", "reservation=r1")


def nodes_are_kept():
    """By backfill, but not for QOS with NoReserve, nor below the least priority."""
    lane = lanes[0]

    def passes(words, expected):
        filler = lane.submit("-N1", "-wn1", "-n64", "-t10")
        wait_running(filler)
        large = lane.submit("-N2", "-n128", "-t10", *words)
        wait_reason(large, "Resources")
        small = lane.submit("-N1", "-n1", "-t60", "-pbatch", "--nice=100", other=True)
        if expected:
            wait_running(small)
        else:
            wait_for(lambda: shown(large, "%S") != "N/A", 10, f"a plan for {large}")
            wait_for(lambda: shown(small, "%r") == "Priority", 10, f"{small} waits")
        gone(filler, large, small)

    passes(("-pbatch",), False)
    for holder, setting in [(QOS, "flags=NoReserve"), (PARTITION, "flags=NoReserve")] + [
        *LEAST_PRIORITY
    ]:
        lane.modify(holder, setting)
        passes((f"-p{lane.partition}",), True)
        lane.modify(holder, lifted(setting))


def factors_stretch_limits():
    """LimitFactor, of what an association may have of TRES."""
    lane = lanes[0]
    lane.modify(ABOVE, "GrpTRES=cpu=3")
    lane.modify(QOS, "LimitFactor=2")
    first = lane.submit(*JOB)
    wait_running(first)
    second = lane.submit(*JOB)
    wait_reason(second, "AssocGrpCpuLimit")
    lane.modify(QOS, "LimitFactor=-1")
    lane.modify(ABOVE, "GrpTRES=cpu=-1")
    wait_running(second)
    gone(first, second)


def ageing_is_limited():
    """Who may not age waits without a time since when it does."""

    def since(job):
        told = cluster.must("scontrol", "show", "job", job)
        return re.search(r"AccrueTime=(\S+)", told).group(1)

    def one(lane, holder, limit):
        lane.modify(holder, limit)
        first = lane.submit("-ppart", *JOB)
        wait_for(lambda: since(first) != "Unknown", 10, f"{limit}: the first ages")
        second = lane.submit("-ppart", *JOB)
        check(since(second) == "Unknown", f"{limit}: two age: {since(second)}")
        cluster.must("scancel", first)
        wait_for(lambda: since(second) != "Unknown", 10, f"{limit}: the second ages afterwards")
        gone(second)
        lane.modify(holder, lifted(limit))

    cluster.must("scontrol", "update", "partitionname=part", "state=down")
    for row in AGEING:
        one(lanes[0], *row)
    cluster.must("scontrol", "update", "partitionname=part", "state=up")


def a_share_may_be_demanded():
    lane = lanes[0]
    lane.modify(QOS, "UsageThreshold=1.5 flags=EnforceUsageThreshold")
    job = lane.submit(*JOB)
    wait_reason(job, "QOSUsageThreshold")
    lane.modify(QOS, "UsageThreshold=-1 flags=-1")
    wait_running(job)
    gone(job)


def minutes_are_used_up():
    """What ran for more than the minutes of its account ends, and the next waits."""
    lane = lanes[0]
    lane.modify(ABOVE, "GrpTRESMins=cpu=1 RawUsage=0")
    first = lane.submit("-N2", "-n2", "-c60", "-t10")
    cluster.wait_state(int(first), "TIMEOUT", seconds=20)
    second = lane.submit(*JOB)
    wait_reason(second, "AssocGrpCPUMinutesLimit")
    lane.modify(ABOVE, "GrpTRESMins=cpu=-1")
    wait_running(second)
    gone(second)


def the_factor_may_be_safe():
    """`safe` counts what is charged, UsageFactor and all, only for QOS with UsageFactorSafe."""
    lane = lanes[0]
    lane.modify(ABOVE, "GrpTRESMins=cpu=1000")
    lane.modify(QOS, "UsageFactor=2")
    words = ("-N1", "-n1", "-c4", "-t200")
    first = lane.submit(*words)
    wait_running(first)
    gone(first)
    lane.modify(ABOVE, "RawUsage=0")
    lane.modify(QOS, "flags=UsageFactorSafe")
    job = lane.submit(*words)
    wait_reason(job, "AssocGrpCPUMinutesLimit")
    lane.modify(QOS, "flags=-1 UsageFactor=1")
    wait_running(job)
    gone(job)
    lane.modify(ABOVE, "GrpTRESMins=cpu=-1 RawUsage=0")


def safe_looks_ahead():
    lane = lanes[0]
    lane.modify(ABOVE, "GrpTRESMins=cpu=1000")
    job = lane.submit("-N1", "-n1", "-c4", "-t251")
    wait_reason(job, "AssocGrpCPUMinutesLimit")
    fits = lane.submit("-N1", "-n1", "-c4", "-t200")
    wait_running(fits)
    lane.modify(ABOVE, "GrpTRESMins=cpu=-1")
    wait_running(job)
    gone(job, fits)


lanes = [Lane(number) for number in range(len(USERS))]


def run(*tests):
    for lane in lanes:
        lane.make()
    try:
        harness.main(*tests)
    except SystemExit as done:
        return done.code
    return 0


def main():
    global cluster
    if os.geteuid() != 0:
        raise SystemExit(77)
    tests = (
        each_limit_has_its_reason,
        nodes_are_limited,
        nodes_are_counted_once,
        the_first_that_is_set_counts,
        deny_on_limit,
        each_partition_must_let_a_submit_in,
        limits_of_partitions_are_passed,
        a_reservation_is_required,
        nodes_are_kept,
        factors_stretch_limits,
    )
    if sys.argv[1:2] == ["--table"]:
        raise SystemExit(limit_rows.show())
    if sys.argv[1:2] == ["--reference"]:
        cluster = Reference(sys.argv[2])
        del sys.argv[1:3], lanes[1:]  # its nodes have devices for one lane
        raise SystemExit(run(*tests))
    with harness.Cluster(config=CONFIG) as cluster:
        code = run(*tests, ageing_is_limited, a_share_may_be_demanded, minutes_are_used_up)
    if not sys.argv[1:]:
        with harness.Cluster(config=CONFIG.replace("limits,qos", "limits,qos,safe")) as cluster:
            code = run(safe_looks_ahead, the_factor_may_be_safe) or code
    raise SystemExit(code)


if __name__ == "__main__":
    main()
