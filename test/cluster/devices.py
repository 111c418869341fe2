#!/usr/bin/env python3
"""Accelerators from their detection to sacct, on fixture trees with device nodes of their own.

A node's tree (test/fixtures/accelerators) has four cards of two vendors. The nodes' numbers have no
driver behind them, so opening a device that is granted gives ENXIO and any other one EPERM: what
the device cgroup lets through is told apart from what it stops.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from harness import ROOT, Cluster, check, main, wait_for

OPEN = "No such device or address"
SHUT = "Operation not permitted"

CONFIG = """
cluster_name: cards
job_acct_gather_frequency: 1
constrain_devices: yes
cdi_dirs: [{cdi}]
nodes:
  - node_name: n1
    node_addr: 127.0.0.1
    cpus: 16
    real_memory: 1G
    accelerator_root: {root}
partitions:
  - partition_name: batch
    nodes: n1
    default: yes
    max_time: 1:00:00
    def_mem_per_cpu: 10M
"""

# Prints "NAME answer" for each device file of the tree.
LOOK = r"""
for file in $(cd {root}/dev && find . -type c | sort); do
    answer=$( (: < {root}/dev/$file) 2>&1 | sed 's/.*: //')
    echo "${{file#./}} $answer"
done
env | grep -E '^(CUDA_(VIS|DEV)|ASCEND|SLURM_.*GPUS|SLUICE_ACCEL|ROCR|SITE_)' | sort
"""


def make_tree(root, *vendors, count):
    make = ROOT / "test/fixtures/accelerators/make.py"
    words = [sys.executable, make, root, *vendors, "--numbers", "--count", str(count)]
    subprocess.run(words, check=True, timeout=60)


def seen(text):
    """What LOOK printed: ({file: answer}, {variable: value})."""
    files, variables = {}, {}
    for line in text.splitlines():
        if "=" in line.split(" ")[0]:
            name, value = line.split("=", 1)
            variables[name] = value
        elif line.endswith((OPEN, SHUT)):
            name, _, answer = line.partition(" ")
            files[name] = answer
    return files, variables


class Host:
    """A cluster of one node with cards."""

    def __init__(self, *vendors, count=4):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-cards.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.root = self.folder / "host"
        make_tree(self.root, *vendors, count=count)
        self.cdi = self.folder / "cdi"
        self.cdi.mkdir()
        self.cluster = Cluster(config=CONFIG.format(root=self.root, cdi=self.cdi))
        self.look = self.folder / "look"
        self.look.write_text("#!/bin/bash\n" + LOOK.format(root=self.root))
        self.look.chmod(0o755)

    def __enter__(self):
        self.cluster.__enter__()
        return self

    def __exit__(self, *_):
        self.cluster.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def srun(self, *options):
        return seen(self.cluster.must("srun", "--mem=10M", *options, self.look))


def expect_files(files, granted, refused):
    for name in granted:
        check(files.get(name) == OPEN, f"{name} is granted, but says {files.get(name)!r}")
    for name in refused:
        check(files.get(name) == SHUT, f"{name} is not granted, but says {files.get(name)!r}")


def cards_are_found_and_fenced():
    with Host("nvidia", "ascend") as host:
        gres = host.cluster.must("sinfo", "-h", "-o", "%G").strip()
        check("gpu:a100:4" in gres and "npu:" in gres, f"detection: {gres}")
        cards = [f"nvidia{i}" for i in range(4)]
        npus = [f"davinci{i}" for i in range(4)]
        files, variables = host.srun("-n1", "--gres=gpu:2")
        granted = [name for name in cards if files[name] == OPEN]
        check(len(granted) == 2, f"two cards are open: {files}")
        expect_files(files, ["nvidiactl", "nvidia-uvm"], npus + ["davinci_manager"])
        expect_files(files, [], [name for name in cards if name not in granted])
        check(variables["CUDA_VISIBLE_DEVICES"] == "0,1", f"renumbered: {variables}")
        check(variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID", f"constants: {variables}")
        check(variables["SLURM_GPUS_ON_NODE"] == "2", f"count: {variables}")
        check(variables["SLUICE_ACCEL_VENDOR"] == "nvidia", f"vendor: {variables}")
        check("ASCEND_RT_VISIBLE_DEVICES" not in variables, f"only its own: {variables}")
        files, variables = host.srun("-n1", "--gres=npu:1")
        expect_files(files, ["davinci_manager"], cards + ["nvidiactl"])
        check("CUDA_VISIBLE_DEVICES" not in variables, f"no cards, no variable: {variables}")
        check(variables["SLUICE_ACCEL_NAME"] == "npu", f"kind: {variables}")
        files, variables = host.srun("-n1")
        expect_files(files, [], cards + npus + ["nvidiactl", "davinci_manager"])
        check(not variables, f"nothing granted, nothing told: {variables}")


def neighbours_have_other_cards():
    with Host("nvidia") as host:
        cluster = host.cluster
        out = host.folder / "out"
        out.mkdir(mode=0o777)
        out.chmod(0o777)
        wrap = f"{host.look} > {out}/$SLURM_JOB_ID; while [ ! -e {out}/go ]; do sleep 0.1; done"
        jobs = [cluster.submit("-n1", "--gres=gpu:2", wrap=wrap) for _ in range(2)]
        wait_for(
            lambda: all((out / str(job)).exists() for job in jobs), 30, "both jobs look around"
        )
        wait_for(
            lambda: all("SLURM_JOB_GPUS" in (out / str(job)).read_text() for job in jobs),
            30,
            "both jobs have looked",
        )
        (out / "go").touch()
        cluster.wait_end(*jobs)
        open_to = []
        for job in jobs:
            files, variables = seen((out / str(job)).read_text())
            open_to.append({name for name in files if name[6:].isdigit() and files[name] == OPEN})
            check(variables["CUDA_VISIBLE_DEVICES"] == "0,1", f"renumbered: {variables}")
        check(all(len(cards) == 2 for cards in open_to), f"two each: {open_to}")
        check(not open_to[0] & open_to[1], f"none twice: {open_to}")


def steps_and_tasks_share_a_jobs_cards():
    with Host("nvidia") as host:
        cluster = host.cluster
        script = host.folder / "job.sh"
        script.write_text(
            f"#!/bin/bash\nsrun -n1 --gres=gpu:1 {host.look} > {host.folder}/one\n"
            "srun -n2 -l --gres=gpu:2 --gpu-bind=map_gpu:1,0 printenv CUDA_VISIBLE_DEVICES\n"
            "srun -n2 -l --gpus-per-task=1 printenv CUDA_VISIBLE_DEVICES\n"
        )
        out = host.folder / "job.out"
        options = ("--parsable", "--wait", "-n2", "--mem=50M", "--gres=gpu:2", "-o", str(out))
        cluster.must("sbatch", *options, script)
        files, variables = seen((host.folder / "one").read_text())
        own = [name for name in files if name[6:].isdigit() and files[name] == OPEN]
        check(len(own) == 1, f"a step has one of the job's two: {files}")
        check(variables["CUDA_VISIBLE_DEVICES"] == "0", f"counted from 0: {variables}")
        check(len(variables["SLURM_JOB_GPUS"].split(",")) == 2, f"the job's: {variables}")
        check(len(variables["SLURM_STEP_GPUS"].split(",")) == 1, f"the step's: {variables}")
        lines = out.read_text().splitlines()
        check(sorted(lines[:2]) == ["0: 1", "1: 0"], f"map_gpu: {lines}")
        check(sorted(lines[2:]) == ["0: 0", "1: 1"], f"per task: {lines}")


def use_is_sampled_and_shown():
    with Host("nvidia") as host:
        cluster = host.cluster
        # All cards tell the same, whichever the job gets.
        rows = (host.root / "tool/nvidia.txt").read_text().splitlines()
        told = [
            ", ".join(row.split(", ")[:2] + ["83", "12345", "40960", "250", "60"]) for row in rows
        ]
        (host.root / "tool/nvidia.txt").write_text("\n".join(told) + "\n")
        go = host.folder / "go"
        job = cluster.submit("-n1", "--gres=gpu:1", wrap=f"until [ -e {go} ]; do sleep 0.1; done")
        field = ("-n", "-P", "-o", "TRESUsageInMax")

        def live():
            return cluster.run("sstat", "-j", f"{job}.batch", *field).stdout

        wait_for(lambda: "gres/gpuutil=83" in live(), 30, "sstat shows the card's use")
        check("gres/gpumem=12345M" in live(), f"memory: {live()}")
        so_far = cluster.must("sluice", "eff", job)
        check("RUNNING (so far)" in so_far and "83%" in so_far, f"eff of a running job: {so_far}")
        go.touch()
        cluster.wait_end(job)
        past = cluster.must("sacct", "-j", f"{job}.batch", *field)
        check("gres/gpuutil=83" in past and "gres/gpumem=12345M" in past, f"sacct: {past}")
        document = json.loads(cluster.must("sluice", "eff", "--json", job))
        devices = document["jobs"][0]["devices"]
        check(len(devices) == 1, f"the granted card only: {devices}")
        check(devices[0]["utilization_mean_percent"] == 83, f"mean: {devices}")
        check(devices[0]["memory_max_mib"] == 12345, f"memory: {devices}")
        check(devices[0]["power_max_watts"] == 250, f"power: {devices}")


def specifications_serve_plain_steps():
    with Host("nvidia") as host:
        device = {"name": "0", "containerEdits": {"env": ["SITE_CARD=first"]}}
        spec = {
            "cdiVersion": "0.6.0",
            "kind": "nvidia.com/gpu",
            "containerEdits": {"env": ["SITE_DRIVER=550", "CUDA_VISIBLE_DEVICES=void"]},
            "devices": [device] + [dict(device, name=str(i)) for i in range(1, 4)],
        }
        path = host.cdi / "nvidia.json"
        path.write_text(json.dumps(spec))
        _, variables = host.srun("-n1", "--gres=gpu:1")
        check(variables.get("SITE_DRIVER") == "550", f"the file's variable: {variables}")
        check(variables.get("SITE_CARD") == "first", f"the device's variable: {variables}")
        check(variables["CUDA_VISIBLE_DEVICES"] == "0", f"ours is the visibility: {variables}")
        path.write_text(json.dumps(dict(spec, devices=[dict(device, name="other")])))
        done = host.cluster.run("srun", "--mem=10M", "-n1", "--gres=gpu:1", "true")
        check(done.returncode != 0, "a specification without the card is no specification of it")
        check("nvidia.com/gpu" in done.stderr, f"says which: {done.stderr}")
        host.cluster.must("srun", "--mem=10M", "-n1", "true")


def any_accelerator_will_do():
    with Host("ascend") as host:
        _, variables = host.srun("-n1", "--gres=accel:2")
        check(variables["SLUICE_ACCEL_NAME"] == "npu", f"which kind: {variables}")
        check(variables["SLUICE_ACCEL_COUNT"] == "2", f"how many: {variables}")
        check(variables["SLUICE_ACCEL_VENDOR"] == "ascend", f"whose: {variables}")
        check("ASCEND_RT_VISIBLE_DEVICES" in variables, f"its own variable: {variables}")


# Of each vendor: its GRES name, the nodes of one device, and its variable.
VENDORS = {
    "nvidia": ("gpu", 1, "CUDA_VISIBLE_DEVICES"),
    "amd": ("gpu", 2, "ROCR_VISIBLE_DEVICES"),
    "ascend": ("npu", 1, "ASCEND_RT_VISIBLE_DEVICES"),
    "cambricon": ("mlu", 2, "MLU_VISIBLE_DEVICES"),
    "mthreads": ("gpu", 3, "MUSA_VISIBLE_DEVICES"),
    "enflame": ("gcu", 1, "TOPS_VISIBLE_DEVICES"),
    "hygon": ("dcu", 2, "HIP_VISIBLE_DEVICES"),
    "iluvatar": ("gpu", 1, "CUDA_VISIBLE_DEVICES"),
    "metax": ("gpu", 2, "CUDA_VISIBLE_DEVICES"),
    "intel": ("gpu", 2, "ZE_AFFINITY_MASK"),
    "kunlunxin": ("xpu", 1, "XPU_VISIBLE_DEVICES"),
    "thead": ("ppu", 1, "CUDA_VISIBLE_DEVICES"),
}
# No card's own: nodes that all users of a vendor's devices need.
SHARED = ("ctl", "ctrl", "uvm", "kfd", "manager", "svm", "hdc", "mxcd", "mxnd", "mxgd")
NODE = """  - node_name: {name}
    node_addr: 127.0.0.1
    cpus: 16
    real_memory: 1G
    accelerator_root: {root}
"""


def every_vendor_is_fenced():
    """A node for each vendor; a job on it opens one card's nodes and is told of that card."""
    with tempfile.TemporaryDirectory(prefix="sluice-cards.", dir="/var/tmp") as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        nodes = ""
        for vendor in VENDORS:
            make_tree(work / vendor, vendor, count=4)
            nodes += NODE.format(name=vendor, root=work / vendor)
        config = CONFIG[: CONFIG.index("  - node_name")] + nodes
        config += CONFIG[CONFIG.index("partitions:") :].replace("nodes: n1", "nodes: ALL")
        with Cluster(config=config.format(cdi=work)) as cluster:
            for vendor, expected in VENDORS.items():
                look = work / f"look-{vendor}"
                look.write_text("#!/bin/bash\n" + LOOK.format(root=work / vendor) + "env\n")
                look.chmod(0o755)
                one_card_is_open(cluster, vendor, expected, look)


def one_card_is_open(cluster, vendor, expected, look):
    gres, per_card, variable = expected
    options = ("-n1", "--mem=10M", "-w", vendor, f"--gres={gres}:1")
    files, variables = seen(cluster.must("srun", *options, look))
    shared = {name for name in files if any(word in name for word in SHARED)}
    shared |= {name for name in files if name == "alixpu"}
    check(all(files[name] == OPEN for name in shared), f"{vendor}: control nodes: {files}")
    cards = set(files) - shared
    granted = {name for name in cards if files[name] == OPEN}
    refused = {name for name in cards if files[name] == SHUT}
    check(len(granted) == per_card, f"{vendor}: one card has {per_card} nodes: {files}")
    check(granted | refused == cards, f"{vendor}: all others are shut: {files}")
    check(len(cards) == 4 * per_card, f"{vendor}: of four cards: {files}")
    value = variables.get(variable, "")
    check(value and "," not in value, f"{vendor}: {variable} names one card: {value!r}")


if __name__ == "__main__":
    main(
        cards_are_found_and_fenced,
        neighbours_have_other_cards,
        steps_and_tasks_share_a_jobs_cards,
        use_is_sampled_and_shown,
        specifications_serve_plain_steps,
        any_accelerator_will_do,
        every_vendor_is_fenced,
    )
