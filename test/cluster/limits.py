#!/usr/bin/env python3
"""Every limit of associations and QOS on real daemons: set with sacctmgr, it holds a job (or
refuses it) with its own reason, and once it is lifted the job runs.

    limits.py                           the tables, on a cluster of Sluice's own
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
from harness import check, wait_for

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
{"".join(f"  - {{partition_name: limited{n}, nodes: ALL, qos: partqos{n}}}" + chr(10)
         for n in range(len(USERS)))}"""
# What each job of the tables has: 4 CPUs, 40 MB, 2 nodes, 4 GPUs, 2 licences, for 10 minutes.
JOB = ("-N2", "-n2", "-c2", "--mem=20", "--gres=gpu:2", "-Llic:2", "-t10")
SLEEP = "exec sleep 600"

# What a limit on each TRES is set to, so that one job fits and two don't, or one job doesn't.
TWO = {"cpu": 6, "mem": 60, "node": 3, "gres/gpu": 6, "license/lic": 3, "billing": 6}
ONE = {"cpu": 3, "mem": 30, "node": 1, "gres/gpu": 3, "license/lic": 1, "billing": 3}
PER_NODE = {"cpu": 1, "mem": 10, "gres/gpu": 1}
MINUTES = {name: most * 10 for name, most in TWO.items()}
JOB_MINUTES = {name: most * 10 for name, most in ONE.items()}
LEAST = {"cpu": 5, "mem": 50, "node": 3, "gres/gpu": 5, "license/lic": 3}

ACCOUNT, USER, QOS, PARTITION = "account", "user", "qos", "partition QOS"
PAIR, ALONE, SUBMIT = "beside one that runs", "by itself", "at submit"


def each(holder, how, limit, amounts, reasons):
    """Rows of one limit on several TRES."""
    return [
        (holder, how, f"{limit}={tres}={amounts[tres]}", reason) for tres, reason in reasons.items()
    ]


ROWS = [
    (ACCOUNT, PAIR, "GrpJobs=1", "AssocGrpJobsLimit"),
    (USER, PAIR, "MaxJobs=1", "AssocMaxJobsLimit"),
    (USER, ALONE, "MaxWall=9", "AssocMaxWallDurationPerJobLimit"),
    (ACCOUNT, SUBMIT, "GrpSubmitJobs=1", "AssocGrpSubmitJobsLimit"),
    (USER, SUBMIT, "MaxSubmitJobs=1", "AssocMaxSubmitJobLimit"),
    (QOS, PAIR, "GrpJobs=1", "QOSGrpJobsLimit"),
    (QOS, PAIR, "MaxJobsPerUser=1", "QOSMaxJobsPerUserLimit"),
    (QOS, PAIR, "MaxJobsPerAccount=1", "MaxJobsPerAccount"),
    (QOS, ALONE, "MaxWall=9", "QOSMaxWallDurationPerJobLimit"),
    (QOS, SUBMIT, "GrpSubmitJobs=1", "QOSGrpSubmitJobsLimit"),
    (QOS, SUBMIT, "MaxSubmitJobsPerUser=1", "QOSMaxSubmitJobPerUserLimit"),
    (QOS, SUBMIT, "MaxSubmitJobsPerAccount=1", "MaxSubmitJobsPerAccount"),
]
ROWS += each(
    ACCOUNT,
    PAIR,
    "GrpTRES",
    TWO,
    {
        "cpu": "AssocGrpCpuLimit",
        "mem": "AssocGrpMemLimit",
        "gres/gpu": "AssocGrpGRES",
        "license/lic": "AssocGrpLicense",
        "billing": "AssocGrpBilling",
    },
)
ROWS += each(
    ACCOUNT,
    PAIR,
    "GrpTRESRunMins",
    MINUTES,
    {
        "cpu": "AssocGrpCPURunMinutesLimit",
        "mem": "AssocGrpMemRunMinutes",
        "node": "AssocGrpNodeRunMinutes",
        "gres/gpu": "AssocGrpGRESRunMinutes",
        "license/lic": "AssocGrpLicenseRunMinutes",
        "billing": "AssocGrpBillingRunMinutes",
    },
)
ROWS += each(
    USER,
    ALONE,
    "MaxTRESPerJob",
    ONE,
    {
        "cpu": "AssocMaxCpuPerJobLimit",
        "mem": "AssocMaxMemPerJob",
        "node": "AssocMaxNodePerJobLimit",
        "gres/gpu": "AssocMaxGRESPerJob",
        "license/lic": "AssocMaxLicensePerJob",
        "billing": "AssocMaxBillingPerJob",
    },
)
ROWS += each(
    USER,
    ALONE,
    "MaxTRESPerNode",
    PER_NODE,
    {
        "cpu": "AssocMaxCpuPerNode",
        "mem": "AssocMaxMemPerNode",
        "gres/gpu": "AssocMaxGRESPerNode",
    },
)
ROWS += each(
    USER,
    ALONE,
    "MaxTRESMinsPerJob",
    JOB_MINUTES,
    {
        "cpu": "AssocMaxCpuMinutesPerJobLimit",
        "mem": "AssocMaxMemMinutesPerJob",
        "node": "AssocMaxNodeMinutesPerJob",
        "gres/gpu": "AssocMaxGRESMinutesPerJob",
        "license/lic": "AssocMaxLicenseMinutesPerJob",
        "billing": "AssocMaxBillingMinutesPerJob",
    },
)
ROWS += each(
    QOS,
    PAIR,
    "GrpTRES",
    TWO,
    {
        "cpu": "QOSGrpCpuLimit",
        "mem": "QOSGrpMemLimit",
        "gres/gpu": "QOSGrpGRES",
        "license/lic": "QOSGrpLicense",
        "billing": "QOSGrpBilling",
    },
)
ROWS += each(
    QOS,
    PAIR,
    "GrpTRESRunMins",
    MINUTES,
    {
        "cpu": "QOSGrpCPURunMinutesLimit",
        "mem": "QOSGrpMemoryRunMinutes",
        "node": "QOSGrpNodeRunMinutes",
        "gres/gpu": "QOSGrpGRESRunMinutes",
        "license/lic": "QOSGrpLicenseRunMinutes",
        "billing": "QOSGrpBillingRunMinutes",
    },
)
ROWS += each(
    QOS,
    ALONE,
    "MaxTRESPerJob",
    ONE,
    {
        "cpu": "QOSMaxCpuPerJobLimit",
        "mem": "QOSMaxMemoryPerJob",
        "node": "QOSMaxNodePerJobLimit",
        "gres/gpu": "QOSMaxGRESPerJob",
        "license/lic": "QOSMaxLicensePerJob",
        "billing": "QOSMaxBillingPerJob",
    },
)
ROWS += each(
    QOS,
    ALONE,
    "MaxTRESPerNode",
    PER_NODE,
    {
        "cpu": "QOSMaxCpuPerNode",
        "mem": "QOSMaxMemoryPerNode",
        "gres/gpu": "QOSMaxGRESPerNode",
    },
)
ROWS += each(
    QOS,
    PAIR,
    "MaxTRESPerUser",
    TWO,
    {
        "cpu": "QOSMaxCpuPerUserLimit",
        "mem": "QOSMaxMemoryPerUser",
        "gres/gpu": "QOSMaxGRESPerUser",
        "license/lic": "QOSMaxLicensePerUser",
        "billing": "QOSMaxBillingPerUser",
    },
)
ROWS += each(
    QOS,
    PAIR,
    "MaxTRESPerAccount",
    TWO,
    {
        "cpu": "MaxCpuPerAccount",
        "mem": "MaxMemoryPerAccount",
        "gres/gpu": "MaxGRESPerAccount",
        "license/lic": "MaxLicensePerAccount",
        "billing": "MaxBillingPerAccount",
    },
)
ROWS += each(
    QOS,
    ALONE,
    "MaxTRESMinsPerJob",
    JOB_MINUTES,
    {
        "cpu": "QOSMaxCpuMinutesPerJobLimit",
        "mem": "QOSMaxMemoryMinutesPerJob",
        "node": "QOSMaxNodeMinutesPerJob",
        "gres/gpu": "QOSMaxGRESMinutesPerJob",
        "license/lic": "QOSMaxLicenseMinutesPerJob",
        "billing": "QOSMaxBillingMinutesPerJob",
    },
)
ROWS += each(
    QOS,
    PAIR,
    "MaxTRESRunMinsPerUser",
    MINUTES,
    {
        "cpu": "QOSMaxCPURunMinutesPerUser",
        "mem": "QOSMaxMemoryRunMinutesPerUser",
        "node": "QOSMaxNodeRunMinutesPerUser",
        "gres/gpu": "QOSMaxGRESRunMinutesPerUser",
        "license/lic": "QOSMaxLicenseRunMinutesPerUser",
        "billing": "QOSMaxBillingRunMinutesPerUser",
    },
)
ROWS += each(
    QOS,
    PAIR,
    "MaxTRESRunMinsPerAccount",
    MINUTES,
    {
        "cpu": "MaxCPURunMinutesPerAccount",
        "mem": "MaxMemoryRunMinutesPerAccount",
        "node": "MaxNodeRunMinutesPerAccount",
        "gres/gpu": "MaxGRESRunMinutesPerAccount",
        "license/lic": "MaxLicenseRunMinutesPerAccount",
        "billing": "MaxBillingRunMinutesPerAccount",
    },
)
ROWS += each(
    QOS,
    ALONE,
    "MinTRESPerJob",
    LEAST,
    {
        "cpu": "QOSMinCpuNotSatisfied",
        "mem": "QOSMinMemory",
        "node": "QOSMinNode",
        "gres/gpu": "QOSMinGRES",
        "license/lic": "QOSMinLicense",
    },
)
for holder, names in (
    (
        ACCOUNT,
        {
            "cpu": "AssocGrpCPUMinutesLimit",
            "mem": "AssocGrpMemMinutes",
            "node": "AssocGrpNodeMinutes",
            "gres/gpu": "AssocGrpGRESMinutes",
            "license/lic": "AssocGrpLicenseMinutes",
            "billing": "AssocGrpBillingMinutes",
        },
    ),
    (
        QOS,
        {
            "cpu": "QOSGrpCPUMinutesLimit",
            "mem": "QOSGrpMemoryMinutes",
            "node": "QOSGrpNodeMinutes",
            "gres/gpu": "QOSGrpGRESMinutes",
            "license/lic": "QOSGrpLicenseMinutes",
            "billing": "QOSGrpBillingMinutes",
        },
    ),
):
    ROWS += each(holder, ALONE, "GrpTRESMins", dict.fromkeys(TWO, 0), names)
ROWS += [
    (ACCOUNT, ALONE, "GrpWall=0", "AssocGrpWallLimit"),
    (QOS, ALONE, "GrpWall=0", "QOSGrpWallLimit"),
]
# Of nodes, one is allowed, and the two jobs are on different ones.
NODES = [
    (ACCOUNT, PAIR, "GrpTRES=node=1", "AssocGrpNodeLimit"),
    (QOS, PAIR, "GrpTRES=node=1", "QOSGrpNodeLimit"),
    (QOS, PAIR, "MaxTRESPerUser=node=1", "QOSMaxNodePerUserLimit"),
    (QOS, PAIR, "MaxTRESPerAccount=node=1", "MaxNodePerAccount"),
]
# Limits of the partition's QOS.
OF_PARTITION = [
    (PARTITION, PAIR, "GrpJobs=1", "QOSGrpJobsLimit"),
    (PARTITION, PAIR, "MaxJobsPerUser=1", "QOSMaxJobsPerUserLimit"),
    (PARTITION, PAIR, "MaxTRESPerUser=cpu=6", "QOSMaxCpuPerUserLimit"),
    (PARTITION, ALONE, "MaxWall=9", "QOSMaxWallDurationPerJobLimit"),
    (PARTITION, SUBMIT, "MaxSubmitJobsPerUser=1", "QOSMaxSubmitJobPerUserLimit"),
]
# What a QOS with DenyOnLimit refuses of a job by itself.
DENIED = [
    ("MaxTRESPerJob=cpu=3", "QOSMaxCpuPerJobLimit"),
    ("MaxWall=9", "QOSMaxWallDurationPerJobLimit"),
    ("MaxTRESPerNode=cpu=1", "QOSMaxCpuPerNode"),
    ("MinTRESPerJob=cpu=5", "QOSMinCpuNotSatisfied"),
    ("MaxTRESMinsPerJob=cpu=30", "QOSMaxCpuMinutesPerJobLimit"),
    ("GrpTRES=cpu=3", "QOSGrpCpuLimit"),
    ("MaxTRESPerUser=cpu=3", "QOSMaxCpuPerUserLimit"),
    ("GrpTRESRunMins=cpu=30", "QOSGrpCPURunMinutesLimit"),
]
# sacctmgr of the reference does not know these yet.
NEWER = ("MaxTRESRunMinsPer",)


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
            words = (f"PartitionName={self.partition}", "Nodes=ALL", f"QOS={self.part_qos}")
            cluster.run("scontrol", "create", *words, "State=UP")

    def modify(self, holder, setting):
        names = {
            ACCOUNT: ("account", self.above),
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

    def hold_back(self, row, jobs, words):
        """Sets the row's limit and submits what it keeps back; `jobs` gets what was submitted."""
        holder, how, limit, reason = row
        self.modify(holder, limit)
        if how != ALONE:
            other = holder != USER and "PerUser" not in limit
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
                jobs.append(self.submit(*words[1]))
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


def limits_of_a_partitions_qos():
    """Also: they come before those of the job's QOS, unless that has OverPartQOS."""
    wrong = [lanes[0].try_row(row, [(f"-p{lanes[0].partition}", *JOB)] * 2) for row in OF_PARTITION]
    check(not any(wrong), "\n".join(["", *filter(None, wrong)]))


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
    for limit, reason in DENIED:
        lane.modify(QOS, limit)
        done = lane.sbatch(*JOB)
        lane.modify(QOS, lifted(limit))
        refused(done, reason)
    gone(lane.submit(*JOB))
    lane.modify(QOS, "flags=-1")


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
    for row in (
        (ACCOUNT, "GrpJobsAccrue=1"),
        (USER, "MaxJobsAccrue=1"),
        (QOS, "GrpJobsAccrue=1"),
        (QOS, "MaxJobsAccruePerUser=1"),
        (QOS, "MaxJobsAccruePerAccount=1"),
    ):
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
    lane.modify(ACCOUNT, "GrpTRESMins=cpu=1 RawUsage=0")
    first = lane.submit("-N2", "-n2", "-c60", "-t10")
    cluster.wait_state(int(first), "TIMEOUT", seconds=20)
    second = lane.submit(*JOB)
    wait_reason(second, "AssocGrpCPUMinutesLimit")
    lane.modify(ACCOUNT, "GrpTRESMins=cpu=-1")
    wait_running(second)
    gone(second)


def safe_looks_ahead():
    lane = lanes[0]
    lane.modify(ACCOUNT, "GrpTRESMins=cpu=1000")
    job = lane.submit("-N1", "-n1", "-c4", "-t251")
    wait_reason(job, "AssocGrpCPUMinutesLimit")
    fits = lane.submit("-N1", "-n1", "-c4", "-t200")
    wait_running(fits)
    lane.modify(ACCOUNT, "GrpTRESMins=cpu=-1")
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
        limits_of_a_partitions_qos,
        the_first_that_is_set_counts,
        deny_on_limit,
    )
    if sys.argv[1:2] == ["--reference"]:
        cluster = Reference(sys.argv[2])
        del sys.argv[1:3], lanes[1:]  # its nodes have devices for one lane
        raise SystemExit(run(*tests))
    with harness.Cluster(config=CONFIG) as cluster:
        code = run(*tests, ageing_is_limited, a_share_may_be_demanded, minutes_are_used_up)
    if not sys.argv[1:]:
        with harness.Cluster(config=CONFIG.replace("limits,qos", "limits,qos,safe")) as cluster:
            code = run(safe_looks_ahead) or code
    raise SystemExit(code)


if __name__ == "__main__":
    main()
