"""The two systems that scenarios run on: the reference (scripts/oracle) and Sluice (`sluice up`).

Both are asked with the same commands and tell in the same words, so nearly all stands in System.
A scenario meets an empty cluster whose partitions are all down; when everything is submitted they
come up together, so that the order of submits, not their timing, decides. Jobs have the names
j0, j1, … by which results are compared; ids differ.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "test" / "cluster"))
import harness  # noqa: E402

# Seconds in which nothing may change before a cluster counts as settled.
ORACLE_QUIET_S = 2.7
SLUICE_QUIET_S = 1.1
# MariaDB's installer fails now and then when several run at once.
ONE_START = threading.Lock()
# Longer than this a job that starts or ends is not waited for.
LONGEST_S = 15.0
PLACE = re.compile(r" Nodes=(\S+) CPU_IDs=(\S+) Mem=(\d+) GRES=(\S*)")


class System:
    """Commands of one running cluster. Subclasses start it and name its environment."""

    quiet_s = 0.0
    look_s = 0.1
    # Who waits for several partitions has several reasons in turn.
    reasons_alternate = False

    def __init__(self, shape):
        self.shape = shape
        self.environment = {}
        self.work = None

    def run(self, *words, user=None, stdin=None):
        switch = {}
        if user not in (None, "root"):
            switch = {"user": user, "group": user, "extra_groups": []}
        return subprocess.run(
            [str(word) for word in words],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.environment,
            cwd="/",
            **switch,
        )

    def must(self, *words, **options):
        done = self.run(*words, **options)
        harness.check(
            done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stderr.strip()}"
        )
        return done.stdout

    def set_partitions(self, state):
        # The highest tier first: whoever looks between two of them sees no other order.
        parts = sorted(self.shape["partitions"], key=lambda part: -part.get("tier", 1))
        lines = [f"update partitionname={part['name']} state={state}" for part in parts]
        self.must("scontrol", stdin="\n".join(lines) + "\n")

    def play(self, scenario):
        """Runs a scenario: {"refused": {job: text}, "pending": {job: reasons}, "running", "order"}.

        With "sluice_refused" in it, what only one of the two refuses becomes "withdrawn":
        submitted, but cancelled before anything starts, so that the rest can be compared. Who is
        "bound" has to run on the nodes that are given.
        """
        self.set_partitions("down")
        self.reserve(scenario)
        refused, ids = self.submit(scenario["jobs"])
        if "sluice_refused" in scenario:
            scenario["withdrawn"] = sorted(set(refused) ^ set(scenario.pop("sluice_refused")))
        for name in scenario.get("withdrawn", []):
            if base_name(name) in ids:
                self.must("scancel", task_id(ids, name))
        for name, nodes in scenario.get("bound", {}).items():
            self.must("scontrol", "update", f"jobid={task_id(ids, name)}", f"reqnodelist={nodes}")
        self.set_partitions("up")
        reasons = self.settle()
        result = {"refused": refused, "pending": reasons, **self.result()}
        self.clear()
        self.unreserve(scenario)
        return result

    def refusals(self, scenario):
        """Only submits: {job: why it was refused}."""
        self.set_partitions("down")
        self.reserve(scenario)
        refused, _ = self.submit(scenario["jobs"])
        self.clear()
        self.unreserve(scenario)
        return refused

    def reserve(self, scenario):
        for made in scenario.get("reservations", []):
            name = f"reservationname={made['name']}"
            self.must("scontrol", "create", "reservation", name, *made["words"])

    def unreserve(self, scenario):
        for made in scenario.get("reservations", []):
            self.must("scontrol", "delete", f"reservationname={made['name']}")

    def submit(self, jobs):
        """({job: why it was refused}, {job: id})"""
        refused, ids = {}, {}
        for number, job in enumerate(jobs):
            name = f"j{number}"
            done = self.run(
                *("sbatch", "--parsable", "-J", name, "-o", "/dev/null", "-D", "/"),
                *(filled(word, ids) for word in job["args"]),
                *("--wrap", "exec sleep infinity"),
                user=job["user"],
            )
            if done.returncode == 0:
                ids[name] = done.stdout.strip().split(";")[0]
            else:
                refused[name] = done.stderr.strip().split("\n")[-1]
        return refused, ids

    def states(self):
        """{job: (state, reason)}"""
        lines = self.must("squeue", "-r", "-h", "-a", "-o", "%j|%K|%T|%r").split("\n")
        words = [line.split("|", 3) for line in lines if line]
        return {job_name(name, task): (state, why) for name, task, state, why in words}

    def settle(self):
        """Waits until no state has changed for a while; returns {job: reasons seen meanwhile}."""
        begun = since = time.monotonic()
        last, reasons = None, {}
        while True:
            found = self.states()
            now = found
            if self.reasons_alternate:
                now = {job: state for job, (state, _) in found.items()}
            moving = {"COMPLETING", "CONFIGURING"} & {state for state, _ in found.values()}
            if now != last or (moving and time.monotonic() - begun < LONGEST_S):
                last, since, reasons = now, time.monotonic(), {}
            quiet = time.monotonic() - since
            if quiet > self.quiet_s / 2:
                for job, (state, why) in found.items():
                    if state == "PENDING":
                        reasons.setdefault(job, set()).add(why)
            if quiet > self.quiet_s:
                return {job: sorted(seen) for job, seen in reasons.items()}
            time.sleep(self.look_s)

    def clear(self):
        for _ in range(200):
            if not self.must("squeue", "-h", "-a", "-o", "%A"):
                return
            self.run("scancel", *self.must("squeue", "-h", "-a", "-o", "%A").split())
            time.sleep(0.05)
        raise harness.Failure("jobs don't end")

    def result(self):
        """{"running": {job: {node: [CPUs, MiB, GPUs]}}, "order": [job, …]}"""
        running, waiting = {}, []
        for line in self.must("scontrol", "-d", "-o", "show", "job").split("\n"):
            name = re.search(r"JobName=(j\d+) ", line)
            state = re.search(r"JobState=(\w+) ", line)
            if name and state and state.group(1) == "RUNNING":
                running[task_name(name.group(1), line)] = places_of(line)
        for line in self.must("squeue", "-h", "-a", "-t", "PD", "-o", "%j|%K|%Q").split("\n"):
            if line and "N/A" in line:
                name, _, priority = line.split("|")
                waiting.append((-int(priority), int(name[1:]), name))
        return {
            "running": running,
            "order": [name for _, _, name in sorted(waiting)],
            "planned": self.planned(),
        }

    def planned(self):
        """{job: seconds from the first start to its own, where one is planned}"""
        began, planned = [], {}
        for line in self.must("squeue", "-h", "-a", "-o", "%j|%t|%K|%S").split("\n"):
            name, state, task, start = [*line.split("|"), "", "", ""][:4]
            if start in ("", "N/A", "Unknown"):
                continue
            moment = time.mktime(time.strptime(start, "%Y-%m-%dT%H:%M:%S"))
            if state == "R":
                began.append(moment)
            elif state == "PD" and task == "N/A":
                planned[name] = moment
        return {job: moment - min(began, default=moment) for job, moment in planned.items()}


def filled(word, ids):
    """An option with the ids of the jobs that it names; one that was refused is not waited for."""
    named = re.search(r"\{(j\d+)\}", word)
    return word.format(**ids) if not named or named.group(1) in ids else "--comment=free"


def base_name(name):
    return name.split("_")[0]


def task_id(ids, name):
    """The id of a job or of an array's task ("j3_2")."""
    return ids[base_name(name)] + name[len(base_name(name)) :]


def job_name(name, task):
    return name if task == "N/A" else f"{name}_{task}"


def task_name(name, line):
    task = re.search(r" ArrayTaskId=(\d+) ", line)
    return f"{name}_{task.group(1)}" if task else name


def places_of(line):
    """{node: [number of CPUs, MiB, number of GPUs]} of a line of scontrol -d -o show job."""
    places = {}
    for names, cpus, memory, gres in PLACE.findall(line):
        gpus = sum(int(found) for found in re.findall(r"gpu(?::\w+)*:(\d+)", gres.split("(")[0]))
        for name in names_of(names):
            places[name] = [count_of(cpus), int(memory), gpus]
    return places


def numbers_of(text):
    for part in text.split(","):
        low, _, high = part.partition("-")
        yield from range(int(low), int(high or low) + 1)


def names_of(text):
    if "[" not in text:
        return [text]
    return [f"n{number}" for number in numbers_of(text[text.index("[") + 1 : -1])]


def count_of(text):
    return len(list(numbers_of(text)))


class Oracle(System):
    """Slurm as scripts/oracle starts it."""

    quiet_s = ORACLE_QUIET_S
    look_s = 0.4
    reasons_alternate = True

    def __enter__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="sluice-scenarios.", dir="/var/tmp"))
        os.chmod(self.work, 0o755)
        self.directory = self.work / "oracle"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
        command = [ROOT / "scripts" / "oracle" / "up", "--dir", self.directory, *self.arguments()]
        with ONE_START:
            done = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
                env=environment,
            )
        if done.returncode != 0:
            raise harness.Failure(f"the reference did not start: {done.stderr}")
        self.environment = {**environment, "SLURM_CONF": str(self.directory / "etc/slurm.conf")}
        for words in self.shape.get("accounts", []):
            self.run("sacctmgr", "-i", *words)
        return self

    def __exit__(self, *_):
        subprocess.run(
            [ROOT / "scripts/oracle/down", "--dir", self.directory],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        subprocess.run(["rm", "-rf", self.work], check=False)

    def arguments(self):
        shape = self.shape
        lines = [
            "SelectTypeParameters="
            + ("CR_Core_Memory" if shape["unit"] == "core" else "CR_CPU_Memory"),
            "SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=200000,"
            "batch_sched_delay=0,default_queue_depth=10000,bf_continue,bf_max_job_test=1000",
            "DefMemPerCPU=100",
        ]
        if shape["mode"] == "builtin":
            lines.append("SchedulerType=sched/builtin")
        if "accounts" not in shape:
            lines.append("PriorityType=priority/basic")
        else:
            lines += ["PriorityWeightQOS=1000", "PriorityWeightPartition=100"]
        if "licenses" in shape:
            lines.append("Licenses=" + ",".join(f"{k}:{v}" for k, v in shape["licenses"].items()))
        words = ["--min-job-age", "2"]
        for line in lines:
            words += ["--config-line", line]
        if "accounts" in shape:
            words += ["--enforce", "associations,limits,qos"]
        for node in shape["nodes"]:
            words += ["--node", oracle_node(node, self.shape["unit"])]
        for part in shape["partitions"]:
            words += ["--partition", oracle_partition(part) + self.sharing()]
        if any(node["gpus"] for node in shape["nodes"]):
            words += ["--gres", "gpu:1", "--gres-conf", self.gres_conf()]
        if "topology" in shape:
            words += ["--topology", self.topology_conf()]
        return words

    def sharing(self):
        return " OverSubscribe=EXCLUSIVE" if self.shape["mode"] == "exclusive" else ""

    def gres_conf(self):
        lines = []
        for node in shape_gpus(self.shape):
            for number in range(node["gpus"]):
                (self.work / f"gpu{number}").touch()
            last = f"[0-{node['gpus'] - 1}]" if node["gpus"] > 1 else "0"
            lines.append(f"NodeName={node['name']} Name=gpu File={self.work}/gpu{last}")
        path = self.work / "gres.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def topology_conf(self):
        path = self.work / "topology.conf"
        lines = []
        for switch in self.shape["topology"]:
            below = (
                f"Nodes={switch['nodes']}"
                if "nodes" in switch
                else f"Switches={switch['switches']}"
            )
            lines.append(f"SwitchName={switch['name']} {below}")
        path.write_text("\n".join(lines) + "\n")
        return path


def shape_gpus(shape):
    return [node for node in shape["nodes"] if node["gpus"]]


def oracle_node(node, unit="core"):
    words = [node["name"]]
    if unit == "thread":  # without cores to share, a CPU is a CPU
        words.append(f"CPUs={node['sockets'] * node['cores'] * node['threads']}")
    else:
        words += [
            f"Sockets={node['sockets']}",
            f"CoresPerSocket={node['cores']}",
            f"ThreadsPerCore={node['threads']}",
        ]
    words += [f"RealMemory={node['memory']}", f"Weight={node['weight']}"]
    if node["features"]:
        words.append(f"Feature={node['features']}")
    if node["gpus"]:
        words.append(f"Gres=gpu:{node['gpus']}")
    return " ".join(words)


def oracle_partition(part):
    words = [part["name"], f"Nodes={part['nodes']}", "State=UP"]
    if part.get("default"):
        words.append("Default=YES")
    for key, name in (
        ("tier", "PriorityTier"),
        ("max_time", "MaxTime"),
        ("max_nodes", "MaxNodes"),
        ("job_factor", "PriorityJobFactor"),
    ):
        if key in part:
            words.append(f"{name}={part[key]}")
    return " ".join(words)


class Sluice(System):
    quiet_s = SLUICE_QUIET_S

    def __enter__(self):
        self.cluster = harness.Cluster(config=self.configuration())
        self.cluster.__enter__()
        self.environment = self.cluster.environment
        self.work = self.cluster.work
        for words in self.shape.get("accounts", []):
            self.run("sacctmgr", "-i", *words)
        return self

    def __exit__(self, *_):
        self.cluster.close()

    def configuration(self):
        return sluice_config(self.shape)


def sluice_config(shape):
    """sluice.yaml of a shape; the node's CPUs etc. are the configuration's word."""
    unit = "CR_Core_Memory" if shape["unit"] == "core" else "CR_CPU_Memory"
    lines = [
        "cluster_name: oracle",
        "control_host: 127.0.0.1",
        "listen_address: 127.0.0.1",
        "return_to_service: 2",
        "kill_wait: 5",
        "min_job_age: 2",
        "constrain_cores: no",
        "constrain_ram_space: no",
        "accelerator_health_interval: 0",
        "def_mem_per_cpu: 100",
        f"select_type_parameters: {unit}",
        "scheduler_type: sched/" + ("builtin" if shape["mode"] == "builtin" else "backfill"),
        "nodes:",
    ]
    for node in shape["nodes"]:
        cpus = node["sockets"] * node["cores"] * node["threads"]
        gres = f", gres: 'gpu:{node['gpus']}'" if node["gpus"] else ""
        features = f", features: '{node['features']}'" if node["features"] else ""
        lines.append(
            f"  - {{node_name: {node['name']}, node_addr: 127.0.0.1, autodetect: no, cpus: {cpus},"
            f" sockets: {node['sockets']}, cores_per_socket: {node['cores']},"
            f" threads_per_core: {node['threads']}, real_memory: {node['memory']},"
            f" weight: {node['weight']}{features}{gres}}}"
        )
    lines.append("partitions:")
    for part in shape["partitions"]:
        words = [f"partition_name: {part['name']}", f"nodes: '{part['nodes']}'"]
        if part.get("default"):
            words.append("default: yes")
        if shape["mode"] == "exclusive":
            words.append("over_subscribe: EXCLUSIVE")
        for key, name in (
            ("tier", "priority_tier"),
            ("max_time", "max_time"),
            ("max_nodes", "max_nodes"),
            ("job_factor", "priority_job_factor"),
        ):
            if key in part:
                words.append(f"{name}: {part[key]}")
        lines.append("  - {" + ", ".join(words) + "}")
    return "\n".join(lines) + "\n" + shape_policies(shape)


def shape_policies(shape):
    lines = []
    if "licenses" in shape:
        lines.append("licenses: " + ",".join(f"{k}:{v}" for k, v in shape["licenses"].items()))
    if shape.get("accounts"):
        lines += [
            "accounting_storage_enforce: associations,limits,qos",
            "priority_type: priority/multifactor",
            "priority_weight_qos: 1000",
            "priority_weight_partition: 100",
        ]
    if "topology" in shape:
        lines += ["topology:", "  switches:"]
        for switch in shape["topology"]:
            below = "nodes" if "nodes" in switch else "switches"
            lines.append(f"    - {{switch_name: {switch['name']}, {below}: '{switch[below]}'}}")
    return "\n".join(lines) + "\n" if lines else ""
