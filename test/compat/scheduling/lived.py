"""Jobs of every fate, really run: what a small cluster's life consists of, and what to ask of it.

Four nodes of four CPUs; the last has two devices. The same words go to the reference and to Sluice.
Every job has a name; names stand for ids wherever something is printed, so that ids may differ.
Moments ("{m1}") are the borders between the phases of the life: what is asked of a window is asked
of the same events.
"""
import datetime
import re
import time

import generate
import harness

NODES = [dict(node) for node in generate.plain_nodes(4)]
NODES[0]["features"] = "fast"
NODES[3]["gpus"] = 2
SHAPE = {
    "seed": 0,
    "kinds": [],
    "mode": "mixed",
    "unit": "thread",
    "nodes": NODES,
    "partitions": [
        {"name": "batch", "nodes": "ALL", "default": True},
        {"name": "other", "nodes": "n3"},
    ],
    "licenses": {"matlab": 4},
    "accounts": [
        ["add", "qos", "high"],
        ["add", "account", "a", "parent=root"],
        ["add", "account", "a1", "parent=a"],
        ["add", "account", "b", "parent=root"],
        ["add", "user", "root", "account=a", "wckey=w0"],
        ["add", "user", "daemon", "account=a1", "qos=normal,high", "wckey=w1,w2"],
        ["add", "user", "bin", "account=b"],
        ["add", "user", "games", "account=a1"],
    ],
}
STEPS = """#!/bin/sh
srun -n4 true
srun -n1 -N1 false
srun -N1 -n2 -J named sleep 0.1
srun -n1 -N1 --mem=30 sh -c 'kill -9 $$'
srun -n1 -N1 sh -c 'kill -11 $$'
srun -n1 -N1 sh -c 'kill -15 $$'
srun -n2 -N2 sh -c 'exit $((SLURM_PROCID * 137))'
exit 3
"""
AGAIN = """#!/bin/sh
if [ "${SLURM_RESTART_COUNT:-0}" = 0 ]; then scontrol requeue $SLURM_JOB_ID; sleep 100; fi
srun true
"""
PARTS = """#!/bin/sh
srun --het-group=0,1 true
srun --het-group=1 -n1 true
"""
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "DEADLINE")


class Life:
    """One life of a cluster: ids by name, and the moments between its phases."""

    def __init__(self, system):
        self.system = system
        self.ids = {}
        self.moments = {}

    def begin(self, name, *words, user="root", script="true"):
        text = script if script.startswith("#!") else f"#!/bin/sh\n{script}\n"
        out = self.system.must(
            *("sbatch", "--parsable", "-J", name, "-o", "/dev/null", "-D", "/"),
            *(self.filled(word) for word in words),
            user=user,
            stdin=text,
        )
        self.ids[name] = out.strip().split(";")[0]

    def filled(self, text):
        return re.sub(r"\{(\w+)\}", lambda found: self.value(found.group(1)), text)

    def value(self, name):
        return self.ids[name] if name in self.ids else self.moments[name]

    def states(self, name):
        words = ("sacct", "-D", "-X", "-n", "-P", "-o", "state", "-j", self.ids[name])
        return [line.split(" ")[0] for line in self.system.must(*words).split("\n") if line]

    def wait(self, name, *states, seconds=60):
        harness.wait_for(
            lambda: (found := self.states(name)) and all(s in states for s in found[-1:]),
            seconds,
            f"{name} in {'/'.join(states)}",
        )

    def wait_all(self, name, *states, seconds=60):
        harness.wait_for(
            lambda: (found := self.states(name)) and all(s in states for s in found),
            seconds,
            f"all of {name} in {'/'.join(states)}",
        )

    def steps_running(self, name, count):
        words = ("sacct", "-n", "-P", "-s", "R", "-o", "jobid", "-j", self.ids[name])
        harness.wait_for(
            lambda: self.system.must(*words).count("\n") >= count, 60, f"steps of {name}"
        )

    def mark(self, name):
        """A moment with a whole second of nothing before and after."""
        at = int(time.time()) + 2
        harness.wait_for(lambda: time.time() >= at + 2, 10, "the next second")
        moment = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
        self.moments[name] = moment.strftime("%Y-%m-%dT%H:%M:%S")

    def control(self, *words):
        self.system.must("scontrol", *(self.filled(word) for word in words))

    def start_now(self, name):
        """The reference lets who was requeued wait for two minutes."""

        def gone_on():
            self.system.run("scontrol", "update", f"jobid={self.ids[name]}", "starttime=now")
            found = self.states(name)
            return len(found) > 1 and found[-1] != "PENDING"

        harness.wait_for(gone_on, 60, f"{name}'s second life")

    def cancel(self, *words, user="root"):
        self.system.must("scancel", *(self.filled(word) for word in words), user=user)


def short_ones(life):
    small = ("--mem=50",)
    life.begin("late", "-w", "n2", "-t", "1", *small, script="exec sleep 200")
    life.begin("plain", "-w", "n1", *small, user="daemon")
    life.begin("steps", "-w", "n[1-2]", "-N2", "-n4", *small, user="daemon", script=STEPS)
    life.begin("exits", "-w", "n2", *small, user="bin", script="exit 3")
    life.begin("killed", "-w", "n2", *small, user="bin", script="kill -9 $$")
    life.begin(
        *("tasks", "-a", "0-3%2", "-w", "n3", *small),
        user="games",
        script="exit $((SLURM_ARRAY_TASK_ID == 2))",
    )
    # Who names a node gets more of them if that one has too few CPUs left.
    for name in ("steps", "exits", "killed"):
        life.wait_all(name, *OVER)
    life.begin(
        *(
            "parts",
            "-w",
            "n1",
            "-n1",
            "--mem-per-cpu=40",
            ":",
            "-w",
            "n2",
            "-n2",
            "--mem-per-cpu=20",
        ),
        user="daemon",
        script=PARTS,
    )
    life.begin("keyed", "--wckey=w2", "-q", "high", "-w", "n1", "-c2", "--nice=5", user="daemon")
    life.begin("wordy", "--comment=some words", "-C", "fast", "-L", "matlab:2", *small, user="bin")
    life.begin("device", "--gres=gpu:1", *small, user="bin", script="srun true")
    life.begin("whole", "-w", "n3", "--exclusive", "-p", "other", "-t", "0-2", user="games")
    life.begin("withdrawn", "-H", "-n3", *small, user="daemon")
    life.begin("removed", "-H", "-a", "1-9:4", *small, user="daemon")
    life.begin("orphan", "-d", "afterok:{withdrawn}", "--kill-on-invalid-dep=yes", *small)
    life.cancel("{withdrawn}", user="daemon")
    life.cancel("{removed}_5")
    for name in ("tasks", "whole"):
        life.wait_all(name, *OVER)
    life.system.must(
        *("salloc", "-J", "held", "-w", "n3", "-n2", "--mem=60", "-D", "/", "srun", "-n2", "true"),
        user="daemon",
    )
    life.system.must("srun", "-J", "direct", "-w", "n3", "-n1", "--mem=60", "true", user="bin")
    for name in ("plain", "steps", "exits", "killed", "tasks", "parts", "keyed", "wordy"):
        life.wait_all(name, *OVER)
    for name in ("device", "whole", "withdrawn", "orphan"):
        life.wait_all(name, *OVER)


def disturbed_ones(life):
    small = ("--mem=50",)
    life.begin("again", "-w", "n1", *small, user="bin", script=AGAIN)
    life.begin("still", "-w", "n1", *small, user="bin", script="exec sleep 12")
    life.begin("ended", "-w", "n2", *small, user="daemon", script="srun sleep 100")
    life.begin("lost", "-w", "n4", "--no-requeue", *small, user="games", script="exec sleep 100")
    life.begin("moved", "-w", "n4", "--requeue", *small, user="games", script="exec sleep 12")
    for name in ("still", "lost", "moved"):
        life.wait(name, "RUNNING")
    life.steps_running("ended", 3)
    for name in ("lost", "moved"):
        life.steps_running(name, 2)
    life.control("suspend", "{still}")
    life.wait("still", "SUSPENDED")
    life.cancel("{ended}", user="daemon")
    life.control("update", "nodename=n4", "state=down", "reason=away")
    for name in ("again", "moved"):
        first = life.states
        harness.wait_for(
            lambda n=name: first(n)[0] != "RUNNING", 60, f"the end of {name}'s first life"
        )
    life.system.run("scontrol", "update", "nodename=n4", "state=resume")
    for name in ("again", "moved"):
        life.start_now(name)
    life.mark("within")
    life.control("resume", "{still}")
    for name in ("again", "still", "ended", "lost", "moved"):
        life.wait(name, *OVER)
    life.wait("late", *OVER, seconds=100)


def open_ones(life):
    small = ("--mem=50",)
    life.begin("runs", "-w", "n1", "-c2", *small, user="daemon", script="srun -n1 sleep 500")
    life.begin("rows", "-a", "1-3%1", "-w", "n2", *small, user="daemon", script="exec sleep 500")
    life.begin("waits", "-w", "n1", "-c4", *small, user="bin")
    life.begin("follows", "-d", "afterok:{runs}", *small, user="games")
    life.begin("holds", "-H", "-n2", "--mem-per-cpu=30", user="games")
    life.begin("later", "-b", "now+2hours", *small, user="bin")
    life.wait("runs", "RUNNING")
    life.steps_running("runs", 3)
    harness.wait_for(lambda: "RUNNING" in life.states("rows"), 60, "a task of rows")


def live(system):
    life = Life(system)
    life.mark("m0")
    short_ones(life)
    life.mark("m1")
    disturbed_ones(life)
    life.mark("m2")
    open_ones(life)
    life.mark("m3")
    return life


def end(life):
    names = ("runs", "rows", "waits", "follows", "holds", "later", "removed")
    life.cancel(*(life.ids[name] for name in names))


FIELDS = (
    "Account,AdminComment,AllocCPUS,AllocNodes,AllocTRES,AssocID,AveCPU,AveCPUFreq,AveDiskRead,"
    "AveDiskWrite,AvePages,AveRSS,AveVMSize,BlockID,Cluster,Comment,Constraints,ConsumedEnergy,"
    "ConsumedEnergyRaw,Container,CPUTime,CPUTimeRAW,DBIndex,DerivedExitCode,Elapsed,ElapsedRaw,"
    "Eligible,End,ExitCode,Flags,GID,Group,JobID,JobIDRaw,JobName,Layout,MaxDiskRead,"
    "MaxDiskReadNode,MaxDiskReadTask,MaxDiskWrite,MaxDiskWriteNode,MaxDiskWriteTask,MaxPages,"
    "MaxPagesNode,MaxPagesTask,MaxRSS,MaxRSSNode,MaxRSSTask,MaxVMSize,MaxVMSizeNode,MaxVMSizeTask,"
    "McsLabel,MinCPU,MinCPUNode,MinCPUTask,NCPUS,NNodes,NodeList,NTasks,Partition,Planned,"
    "PlannedCPU,PlannedCPURAW,Priority,QOS,QOSRAW,Reason,ReqCPUFreq,ReqCPUFreqGov,ReqCPUFreqMax,"
    "ReqCPUFreqMin,ReqCPUS,ReqMem,ReqNodes,ReqTRES,Reservation,ReservationId,Start,State,Submit,"
    "SubmitLine,Suspended,SystemComment,SystemCPU,Timelimit,TimelimitRaw,TotalCPU,TRESUsageInAve,"
    "TRESUsageInMax,TRESUsageInMaxNode,TRESUsageInMaxTask,TRESUsageInMin,TRESUsageInMinNode,"
    "TRESUsageInMinTask,TRESUsageInTot,TRESUsageOutAve,TRESUsageOutMax,TRESUsageOutMaxNode,"
    "TRESUsageOutMaxTask,TRESUsageOutMin,TRESUsageOutMinNode,TRESUsageOutMinTask,TRESUsageOutTot,"
    "UID,User,UserCPU,WCKey,WCKeyID,WorkDir"
)
# As the reference of 22.05 calls them.
FORMER = {"Planned": "Reserved", "PlannedCPU": "ResvCPU", "PlannedCPURAW": "ResvCPURAW"}
BRIEF = "-o JobID,JobName,State,ExitCode,AllocCPUS"
SELECTIONS = [
    "-a -X",
    "-a -X -D",
    "-a -X -u daemon",
    "-X -u daemon,bin",
    "-a -X -A b",
    "-a -X -A a1,b",
    "-a -X -q high",
    "-a -X -r other",
    "-a -X -W w2",
    "-a -X -W w1,w2",
    "-a -X -N n4",
    "-a -X -N n[1-2]",
    "-a -X -g bin",
    "-a -X -s CD",
    "-a -X -s F,TO",
    "-a -X -s CA",
    "-a -X -s PD",
    "-a -X -s R",
    "-a -X -s S",
    "-a -X -s RQ",
    "-a -X -s NF",
    "-a -X -s DL",
    "-a -X --name=plain,tasks",
    "-a -X -i 2",
    "-a -X -i 2-4",
    "-a -X -I 4",
    "-a -X -I 2-3",
    "-a -X -k 1",
    "-a -X -k 00:30:00 -K 3-00:00:00",
    "-a -X -C fast",
    "-a -l -X -o JobID,State",
    "-j {steps}",
    "-j {steps}.0",
    "-j {steps}.batch,{plain}",
    "-j {tasks}",
    "-j {tasks}_2",
    "-j {rows} -X",
    "-j {removed} -X",
    "-j {parts}",
    "-j {parts}+1",
    "-j {parts} --whole-hetjob=no",
    "-j {parts}+1 --whole-hetjob=yes",
    "-j {again}",
    "-j {again} -D",
    "-j {moved} -D",
    "-j {ended} -b",
]
WINDOWS = [("m0", "m1"), ("m1", "m2"), ("within", "within"), ("m2", "m3"), ("m3", "m3")]
STATES = ["", "PD", "R", "S", "CD", "F,CA", "RQ", "TO,NF", "R,CD"]
FORMS = [
    "-n",
    "-p -n",
    "-P --delimiter=;",
    "-P --units=M",
    "-P --units=K",
    "-P --units=G",
    "-P --noconvert",
    "-P -T -S {m1} -E {within}",
    "-l -P",
    "-b -P",
    "-P",
    "",
]
FORM_FIELDS = "-o JobID%8,JobName,ReqMem,AllocTRES%40,ReqTRES,State%-20,Timelimit,NodeList"


def questions():
    """[command line], with names and moments in braces."""
    since = "-S {m0}"
    asked = [f"sacct -a -D -P {since} -o ALL", f"sacct -a -X -P {since} -o ALL"]
    for words in SELECTIONS:
        window = "" if " -s " in words or words.startswith("-j") else since
        if " -s " in words:
            window = "-S {m0} -E {m3}"
        asked.append(f"sacct -P {words} {window} {BRIEF}")
    for first, last in WINDOWS:
        for state in STATES:
            words = f"-s {state}" if state else ""
            asked.append(f"sacct -a -X -P -S {{{first}}} -E {{{last}}} {words} {BRIEF}")
    for form in FORMS:
        window = "" if "-S" in form else since
        for name in ("steps", "parts", "device"):
            fields = "" if form in ("-l -P", "-b -P", "") else FORM_FIELDS
            asked.append(f"sacct -j {{{name}}} {form} {window} {fields}")
    asked += ["sacct -B -j {steps}", "sacct -B -j {steps},{parts}", "sacct --json -j {steps}"]
    asked += ["sacct --json -a -D " + since, "sacct --yaml -j {plain}"]
    return asked


TIMES = {"Eligible", "End", "Start", "Submit"}
LENGTHS = {"CPUTime", "CPUTimeRAW", "Elapsed", "ElapsedRaw", "Planned", "PlannedCPU"}
LENGTHS |= {"PlannedCPURAW", "SystemCPU", "UserCPU", "TotalCPU", "AssocID", "DBIndex", "Priority"}
USED = re.compile(r"^(Ave|Max|Min|TRESUsage)")
NUMBER = re.compile(r"\d+(?::\d\d:\d\d(?:\.\d+)?|\.\d+)?[KMGT]?")


def masked(column, value):
    """What is told of a value that time or place decides."""
    if column in TIMES:
        return value if value in ("", "Unknown", "None") else "time"
    if column in LENGTHS:
        return value if value == "" else "#"
    if column == "Suspended":
        return value if value in ("", "00:00:00") else "#"
    if USED.match(column):
        return re.sub(r"\bn\d\b", "node", NUMBER.sub("#", value))
    return value
