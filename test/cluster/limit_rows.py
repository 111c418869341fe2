"""The limits of associations and QOS that limits.py tries: where each may stand, how a job meets
it, and the reason that it gives. limits.py --table prints which test covers which.
"""

# What a limit on each TRES is set to, so that one job fits and two don't, or one job doesn't.
TWO = {"cpu": 6, "mem": 60, "node": 3, "gres/gpu": 6, "license/lic": 3, "billing": 6}
ONE = {"cpu": 3, "mem": 30, "node": 1, "gres/gpu": 3, "license/lic": 1, "billing": 3}
PER_NODE = {"cpu": 1, "mem": 10, "gres/gpu": 1}
MINUTES = {name: most * 10 for name, most in TWO.items()}
JOB_MINUTES = {name: most * 10 for name, most in ONE.items()}
LEAST = {"cpu": 5, "mem": 50, "node": 3, "gres/gpu": 5, "license/lic": 3, "billing": 5}
USED_UP = dict.fromkeys(TWO, 0)

ABOVE, ACCOUNT, USER = "account above", "account", "user"
QOS, PARTITION = "qos", "partition QOS"
PAIR, ALONE, SUBMIT = "beside one that runs", "by itself", "at submit"

# Holders, how it is met, the limit, and its reason.
OF_ASSOCIATIONS = (ABOVE, ACCOUNT, USER)
OF_QOS = (QOS, PARTITION)
NUMBERS = [
    (OF_ASSOCIATIONS, PAIR, "GrpJobs=1", "AssocGrpJobsLimit"),
    (OF_ASSOCIATIONS, PAIR, "MaxJobs=1", "AssocMaxJobsLimit"),
    (OF_ASSOCIATIONS, ALONE, "MaxWall=9", "AssocMaxWallDurationPerJobLimit"),
    (OF_ASSOCIATIONS, ALONE, "GrpWall=0", "AssocGrpWallLimit"),
    (OF_ASSOCIATIONS, SUBMIT, "GrpSubmitJobs=1", "AssocGrpSubmitJobsLimit"),
    (OF_ASSOCIATIONS, SUBMIT, "MaxSubmitJobs=1", "AssocMaxSubmitJobLimit"),
    (OF_QOS, PAIR, "GrpJobs=1", "QOSGrpJobsLimit"),
    (OF_QOS, PAIR, "MaxJobsPerUser=1", "QOSMaxJobsPerUserLimit"),
    (OF_QOS, PAIR, "MaxJobsPerAccount=1", "MaxJobsPerAccount"),
    (OF_QOS, ALONE, "MaxWall=9", "QOSMaxWallDurationPerJobLimit"),
    (OF_QOS, ALONE, "GrpWall=0", "QOSGrpWallLimit"),
    (OF_QOS, SUBMIT, "GrpSubmitJobs=1", "QOSGrpSubmitJobsLimit"),
    (OF_QOS, SUBMIT, "MaxSubmitJobsPerUser=1", "QOSMaxSubmitJobPerUserLimit"),
    (OF_QOS, SUBMIT, "MaxSubmitJobsPerAccount=1", "MaxSubmitJobsPerAccount"),
]
# Limits on TRES: the reasons in the order cpu, mem, node, gres/gpu, license/lic, billing
# ("-": none, or tested apart). All are tried with the first holder, the first reason with the
# others too.
OF_TRES = [
    (
        OF_ASSOCIATIONS,
        PAIR,
        "GrpTRES",
        TWO,
        "AssocGrpCpuLimit AssocGrpMemLimit - AssocGrpGRES AssocGrpLicense AssocGrpBilling",
    ),
    (
        OF_ASSOCIATIONS,
        PAIR,
        "GrpTRESRunMins",
        MINUTES,
        "AssocGrpCPURunMinutesLimit AssocGrpMemRunMinutes AssocGrpNodeRunMinutes "
        "AssocGrpGRESRunMinutes AssocGrpLicenseRunMinutes AssocGrpBillingRunMinutes",
    ),
    (
        OF_ASSOCIATIONS,
        ALONE,
        "GrpTRESMins",
        USED_UP,
        "AssocGrpCPUMinutesLimit AssocGrpMemMinutes AssocGrpNodeMinutes AssocGrpGRESMinutes "
        "AssocGrpLicenseMinutes AssocGrpBillingMinutes",
    ),
    (
        OF_ASSOCIATIONS,
        ALONE,
        "MaxTRESPerJob",
        ONE,
        "AssocMaxCpuPerJobLimit AssocMaxMemPerJob AssocMaxNodePerJobLimit AssocMaxGRESPerJob "
        "AssocMaxLicensePerJob AssocMaxBillingPerJob",
    ),
    (
        OF_ASSOCIATIONS,
        ALONE,
        "MaxTRESPerNode",
        PER_NODE,
        "AssocMaxCpuPerNode AssocMaxMemPerNode - AssocMaxGRESPerNode - -",
    ),
    (
        OF_ASSOCIATIONS,
        ALONE,
        "MaxTRESMinsPerJob",
        JOB_MINUTES,
        "AssocMaxCpuMinutesPerJobLimit AssocMaxMemMinutesPerJob AssocMaxNodeMinutesPerJob "
        "AssocMaxGRESMinutesPerJob AssocMaxLicenseMinutesPerJob AssocMaxBillingMinutesPerJob",
    ),
    (
        OF_ASSOCIATIONS,
        PAIR,
        "MaxTRESRunMins",
        MINUTES,
        "AssocMaxCPURunMinutesPerUser AssocMaxMemRunMinutesPerUser AssocMaxNodeRunMinutesPerUser "
        "AssocMaxGRESRunMinutesPerUser AssocMaxLicenseRunMinutesPerUser "
        "AssocMaxBillingRunMinutesPerUser",
    ),
    (
        OF_QOS,
        PAIR,
        "GrpTRES",
        TWO,
        "QOSGrpCpuLimit QOSGrpMemLimit - QOSGrpGRES QOSGrpLicense QOSGrpBilling",
    ),
    (
        OF_QOS,
        PAIR,
        "GrpTRESRunMins",
        MINUTES,
        "QOSGrpCPURunMinutesLimit QOSGrpMemoryRunMinutes QOSGrpNodeRunMinutes QOSGrpGRESRunMinutes "
        "QOSGrpLicenseRunMinutes QOSGrpBillingRunMinutes",
    ),
    (
        OF_QOS,
        ALONE,
        "GrpTRESMins",
        USED_UP,
        "QOSGrpCPUMinutesLimit QOSGrpMemoryMinutes QOSGrpNodeMinutes QOSGrpGRESMinutes "
        "QOSGrpLicenseMinutes QOSGrpBillingMinutes",
    ),
    (
        OF_QOS,
        ALONE,
        "MaxTRESPerJob",
        ONE,
        "QOSMaxCpuPerJobLimit QOSMaxMemoryPerJob QOSMaxNodePerJobLimit QOSMaxGRESPerJob "
        "QOSMaxLicensePerJob QOSMaxBillingPerJob",
    ),
    (
        OF_QOS,
        ALONE,
        "MaxTRESPerNode",
        PER_NODE,
        "QOSMaxCpuPerNode QOSMaxMemoryPerNode - QOSMaxGRESPerNode - -",
    ),
    (
        OF_QOS,
        PAIR,
        "MaxTRESPerUser",
        TWO,
        "QOSMaxCpuPerUserLimit QOSMaxMemoryPerUser - QOSMaxGRESPerUser QOSMaxLicensePerUser "
        "QOSMaxBillingPerUser",
    ),
    (
        OF_QOS,
        PAIR,
        "MaxTRESPerAccount",
        TWO,
        "MaxCpuPerAccount MaxMemoryPerAccount - MaxGRESPerAccount MaxLicensePerAccount "
        "MaxBillingPerAccount",
    ),
    (
        OF_QOS,
        ALONE,
        "MaxTRESMinsPerJob",
        JOB_MINUTES,
        "QOSMaxCpuMinutesPerJobLimit QOSMaxMemoryMinutesPerJob QOSMaxNodeMinutesPerJob "
        "QOSMaxGRESMinutesPerJob QOSMaxLicenseMinutesPerJob QOSMaxBillingMinutesPerJob",
    ),
    (
        OF_QOS,
        PAIR,
        "MaxTRESRunMinsPerUser",
        MINUTES,
        "QOSMaxCPURunMinutesPerUser QOSMaxMemoryRunMinutesPerUser QOSMaxNodeRunMinutesPerUser "
        "QOSMaxGRESRunMinutesPerUser QOSMaxLicenseRunMinutesPerUser QOSMaxBillingRunMinutesPerUser",
    ),
    (
        OF_QOS,
        PAIR,
        "MaxTRESRunMinsPerAccount",
        MINUTES,
        "MaxCPURunMinutesPerAccount MaxMemoryRunMinutesPerAccount MaxNodeRunMinutesPerAccount "
        "MaxGRESRunMinutesPerAccount MaxLicenseRunMinutesPerAccount MaxBillingRunMinutesPerAccount",
    ),
    (
        OF_QOS,
        ALONE,
        "MinTRESPerJob",
        LEAST,
        "QOSMinCpuNotSatisfied QOSMinMemory QOSMinNode QOSMinGRES QOSMinLicense QOSMinBilling",
    ),
]


def rows_of_tres():
    for holders, how, limit, amounts, reasons in OF_TRES:
        named = [pair for pair in zip(TWO, reasons.split()) if pair[1] != "-"]
        for place, holder in enumerate(holders):
            for tres, reason in named if place == 0 else named[:1]:
                yield holder, how, f"{limit}={tres}={amounts[tres]}", reason


ROWS = [(holder, *row) for holders, *row in NUMBERS for holder in holders] + [*rows_of_tres()]
# Of nodes, one is allowed, and the two jobs are on different ones; on the same one they may be.
NODES = [
    (ABOVE, PAIR, "GrpTRES=node=1", "AssocGrpNodeLimit"),
    (ACCOUNT, PAIR, "GrpTRES=node=1", "AssocGrpNodeLimit"),
    (USER, PAIR, "GrpTRES=node=1", "AssocGrpNodeLimit"),
    (QOS, PAIR, "GrpTRES=node=1", "QOSGrpNodeLimit"),
    (QOS, PAIR, "MaxTRESPerUser=node=1", "QOSMaxNodePerUserLimit"),
    (QOS, PAIR, "MaxTRESPerAccount=node=1", "MaxNodePerAccount"),
    (PARTITION, PAIR, "GrpTRES=node=1", "QOSGrpNodeLimit"),
]
# Of jobs that age. The reason is none: such a job waits without a time since when it does.
AGEING = [
    (ABOVE, "GrpJobsAccrue=1"),
    (ACCOUNT, "GrpJobsAccrue=1"),
    (USER, "GrpJobsAccrue=1"),
    (ABOVE, "MaxJobsAccrue=1"),
    (USER, "MaxJobsAccrue=1"),
    (QOS, "GrpJobsAccrue=1"),
    (QOS, "MaxJobsAccruePerUser=1"),
    (QOS, "MaxJobsAccruePerAccount=1"),
]
# Below the least priority no nodes are kept: a job that would use them for longer may start.
LEAST_PRIORITY = [(ABOVE, "MinPrioThresh=5000"), (USER, "MinPrioThresh=5000")]
LEAST_PRIORITY += [(QOS, "MinPrioThresh=5000"), (PARTITION, "MinPrioThresh=5000")]
# What a QOS with DenyOnLimit refuses of a job by itself.
DENIED = [
    (QOS, "MaxTRESPerJob=cpu=3", "QOSMaxCpuPerJobLimit"),
    (QOS, "MaxWall=9", "QOSMaxWallDurationPerJobLimit"),
    (QOS, "GrpWall=9", "QOSGrpWallLimit"),
    (QOS, "MaxTRESPerNode=cpu=1", "QOSMaxCpuPerNode"),
    (QOS, "MinTRESPerJob=cpu=5", "QOSMinCpuNotSatisfied"),
    (QOS, "MaxTRESMinsPerJob=cpu=30", "QOSMaxCpuMinutesPerJobLimit"),
    (QOS, "GrpTRES=cpu=3", "QOSGrpCpuLimit"),
    (QOS, "GrpTRESMins=cpu=1", "QOSGrpCPUMinutesLimit"),
    (QOS, "MaxTRESPerUser=cpu=3", "QOSMaxCpuPerUserLimit"),
    (QOS, "MaxTRESPerAccount=cpu=3", "MaxCpuPerAccount"),
    (QOS, "GrpTRESRunMins=cpu=30", "QOSGrpCPURunMinutesLimit"),
    (ABOVE, "GrpTRES=cpu=3", "AssocGrpCpuLimit"),
    (ABOVE, "GrpWall=9", "AssocGrpWallLimit"),
    (USER, "MaxTRESPerJob=cpu=3", "AssocMaxCpuPerJobLimit"),
    (USER, "MaxWall=9", "AssocMaxWallDurationPerJobLimit"),
]
# Limits of partitions that a QOS lets its jobs pass: the flag, what is asked for, and the reason
# without.
PASSED = [
    ("PartitionTimeLimit", ("-pshort", "-t20"), "PartitionTimeLimit"),
    ("PartitionMaxNodes", ("-pshort", "-t5", "-N2"), "PartitionNodeLimit"),
    ("PartitionMinNodes", ("-pwide", "-t5", "-N1"), "PartitionNodeLimit"),
]
# sacctmgr of the reference does not know these yet.
NEWER = ("MaxTRESRunMins",)


def show():
    table = [(*row, "each_limit_has_its_reason") for row in ROWS]
    table += [(*row, "nodes_are_limited") for row in NODES]
    table += [(holder, "", limit, "", "ageing_is_limited") for holder, limit in AGEING]
    table += [(holder, "", limit, "", "nodes_are_kept") for holder, limit in LEAST_PRIORITY]
    table += [(*row[:1], "DenyOnLimit", *row[1:], "deny_on_limit") for row in DENIED]
    table += [(QOS, "flag", flag, "", "limits_of_partitions_are_passed") for flag, _, _ in PASSED]
    for holder, how, limit, reason, test in table:
        print(f"{limit:34} {holder:14} {how:21} {reason:32} {test}")
    return 0
