"""Small sites with logs of submissions of every kind, by seed: slurm.conf, gres.conf,
topology.conf, commands for sacctmgr, a log. What is asked for can run somewhere, nearly always.
"""
import random

CONF = """\
ClusterName=small
SelectType=select/cons_tres
SelectTypeParameters={select}
SchedulerType=sched/backfill
PriorityType=priority/multifactor
PriorityWeightAge=1000
PriorityWeightFairshare=10000
PriorityWeightJobSize=1000
PriorityWeightQOS=2000
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu
GresTypes=gpu
Licenses=ansys:3,matlab:5
TopologyPlugin=topology/tree
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=DEFAULT Sockets=2 CoresPerSocket=4 ThreadsPerCore={threads} RealMemory=16000
NodeName=a[1-6] Feature=old,east Weight=10
NodeName=b[1-4] Feature=new,east Weight=20 RealMemory=32000
NodeName=g[1-3] Feature=new,west Weight=50 Gres=gpu:fast:2
NodeName=h[1-2] Feature=old,west Weight=40 Gres=gpu:slow:4
PartitionName=DEFAULT DefMemPerCPU=500 MaxTime=8:00:00 DefaultTime=1:00:00
PartitionName=main Nodes=a[1-6],b[1-4],g[1-3],h[1-2] Default=YES QOS=part
PartitionName=whole Nodes=b[1-4] OverSubscribe=EXCLUSIVE MaxNodes=3 PriorityTier=2
PartitionName=few Nodes=a[1-6] MaxCPUsPerNode=6 MaxTime=2:00:00 AllowQOS=normal,high
PartitionName=users Nodes=a[4-6],b[1-2] ExclusiveUser=YES
PartitionName=urgent Nodes=a[1-3],g[1-3] PriorityTier=5 AllowQOS=high
PartitionName=both Nodes=h[1-2] OverSubscribe=FORCE:2
"""
GRES = """\
NodeName=g[1-3] Name=gpu Type=fast File=/dev/fast[0-1]
NodeName=h[1-2] Name=gpu Type=slow File=/dev/slow[0-3]
"""
TOPOLOGY = """\
SwitchName=s1 Nodes=a[1-4]
SwitchName=s2 Nodes=a[5-6],b[1-2]
SwitchName=s3 Nodes=b[3-4],g[1-3],h[1-2]
SwitchName=top Switches=s[1-3]
"""
ACCOUNTS = """\
add QOS Name=high Priority=100 GrpTRES=cpu=48 MaxJobsPerUser=6
add QOS Name=part MaxTRESPerUser=node=8,gres/gpu=5 MaxSubmitJobsPerUser=60
add QOS Name=narrow MaxTRESPerJob=node=1,cpu=8 GrpJobs=4
add cluster Name=small QOS=normal,high,narrow
add account Name=science Fairshare=50 GrpTRES=cpu=96
add account Name=physics parent=science Fairshare=10 GrpJobs=12
add account Name=biology parent=science Fairshare=30 MaxTRES=cpu=32 MaxWall=4:00:00
add account Name=industry Fairshare=20 GrpTRES=mem=64G,gres/gpu=3 GrpSubmitJobs=50
add user Name=ann DefaultAccount=physics Account=physics,biology Fairshare=3
add user Name=bob DefaultAccount=biology Account=biology MaxJobs=5
add user Name=cat DefaultAccount=industry Account=industry MaxSubmitJobs=40
add user Name=dan DefaultAccount=physics Account=physics MaxTRESPerNode=cpu=8
modify user name=dan set qos=normal,narrow
"""
# How often what is asked for.
KINDS = (
    (16, "plain"),
    (5, "wide"),
    (4, "gpus"),
    (4, "features"),
    (3, "alone"),
    (3, "licences"),
    (3, "partition"),
    (2, "dependency"),
    (2, "array"),
    (2, "begin"),
    (2, "named"),
    (2, "switches"),
)


class Log:
    def __init__(self, seed, count):
        self.dice = random.Random(seed)
        self.count, self.number, self.ids = count, 0, 0
        self.lines = []
        at = 0.0
        for self.number in range(1, count + 1):
            at += self.dice.choice((0, 0, 0.25, 5, 60))
            self.lines.append(self.line(at))

    def line(self, at):
        limit = self.dice.choice((1, 5, 20, 60, 110))
        run = self.dice.choice((0, limit * 20, limit * 50, limit * 60, limit * 90, -1))
        user = self.dice.choice(("ann", "ann", "bob", "cat", "dan"))
        kinds = [kind for often, kind in KINDS for _ in range(often)]
        words = getattr(self, self.dice.choice(kinds))(user)
        if not any(word.startswith("--mem") for word in words):
            words += self.dice.choice(([], [], ["--mem=2G"], ["--mem-per-cpu=700"], ["--mem=0"]))
        if user == "ann" and self.dice.random() < 0.3:
            words.append("--account=biology")
        if user != "dan" and self.dice.random() < 0.2 and "-q" not in " ".join(words):
            words.append("-q high")
        return (
            f"-dt {at:.2f} -e submit_batch_job | -sim-walltime {run} --uid={user}"
            f" -J job{self.dice.randint(1, 40)} -t {limit} {' '.join(words)} job.sh"
        )

    def pick(self, *values):
        return self.dice.choice(values)

    def plain(self, _):
        return [f"-n {self.pick(1, 2, 3, 6)}", *self.pick([], ["-c 2"], ["-N 1"], ["-N 1-2"])]

    def wide(self, _):
        count = self.pick(2, 3, 4)
        tasks = self.pick([], [f"-n {2 * count}"], [f"--ntasks-per-node={self.pick(1, 2, 4)}"])
        return [f"-N {count}", *tasks, *self.pick([], ["--contiguous"], ["--mincpus=4"])]

    def gpus(self, _):
        return self.pick(
            ["-N 1", f"--gres=gpu:{self.pick(1, 2)}"],
            ["-N 2", f"--gpus-per-node={self.pick('fast:', 'slow:', '')}1"],
            ["-N 1", "-n 1", f"--gres=gpu:slow:{self.pick(1, 3, 4)}", "--cpus-per-gpu=2"],
            [f"-n {self.pick(1, 2)}", "--gpus-per-task=fast:1"],
            [f"--gpus={self.pick('fast:2', 'slow:3', '1')}", "-n 1"],
        )

    def features(self, _):
        asked = self.pick(
            "old", "new&east", "[old|new]", "east*2&west*1", "(old|new)&west", "old|new"
        )
        count = 3 if "*" in asked else self.pick(1, 2)
        return [f"-N {count}", f"--constraint='{asked}'"]

    def alone(self, _):
        return [f"-N {self.pick(1, 2)}", self.pick("--exclusive", "--exclusive=user")]

    def licences(self, _):
        return ["-n 1", f"-L {self.pick('ansys', 'ansys:2', 'matlab:3', 'matlab:2,ansys:1')}"]

    def partition(self, user):
        name = self.pick("whole", "few", "users", "urgent", "both", "few,whole")
        qos = ["-q high"] if name == "urgent" and user != "dan" else []
        return [f"-p {name}", *qos, f"-N {self.pick(1, 2)}"]

    def dependency(self, _):
        kind = self.pick("after", "afterany", "afterok", "afternotok", "singleton")
        if kind == "singleton" or not self.number > 1:
            return ["-n 1", "--dependency=singleton"]
        return ["-n 1", f"--dependency={kind}:{self.dice.randint(1, self.number - 1)}"]

    def array(self, _):
        return ["-n 1", f"--array={self.pick('1-6', '0-8:2', '1-10%3')}"]

    def begin(self, _):
        return ["-n 2", f"--begin=now+{self.pick('5minutes', '1hour', '90')}"]

    def named(self, _):
        return self.pick(["-N 2", "-w a2"], ["-N 2", "-x a[1-6],b1"], ["-q narrow", "-n 2", "-N 1"])

    def switches(self, _):
        return [f"-N {self.pick(2, 3)}", f"--switches={self.pick('1', '1@10', '2@5')}"]


def write(folder, seed, count=300):
    """Writes slurm.conf, gres.conf, topology.conf, accounts, log."""
    dice = random.Random(seed)
    select = dice.choice(("CR_Core_Memory", "CR_CPU_Memory", "CR_Core"))
    texts = {
        "slurm.conf": CONF.format(select=select, threads=dice.choice((1, 2))),
        "gres.conf": GRES,
        "topology.conf": TOPOLOGY,
        "accounts": ACCOUNTS,
        "log": "\n".join(Log(seed, count).lines) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
