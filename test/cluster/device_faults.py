#!/usr/bin/env python3
"""Accelerators that fail while the cluster runs: shown, spared, and their jobs treated by policy;
and which ones a job gets that takes any.

A node's tree (test/fixtures/accelerators) has four cards; a card that the vendor's tool no longer
lists has failed, and is sound again when it is listed again.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from harness import ROOT, Cluster, check, main, wait_for

CONFIG = """
cluster_name: cards
accelerator_health_interval: 1
device_fault_policy: {policy}
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
    def_mem_per_cpu: 10M
"""


class Cards:
    """A cluster of one node with four cards, 0-1 and 2-3 linked; card 0 fails and heals."""

    def __init__(self, policy):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-faults.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        root = self.folder / "host"
        make = ROOT / "test/fixtures/accelerators/make.py"
        subprocess.run([sys.executable, make, root, "nvidia"], check=True, timeout=60)
        self.tool = root / "tool/nvidia.txt"
        self.sound = self.tool.read_text()
        self.cluster = Cluster(config=CONFIG.format(policy=policy, root=root))

    def __enter__(self):
        self.cluster.__enter__()
        return self

    def __exit__(self, *_):
        self.cluster.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def node(self):
        return self.cluster.must("scontrol", "show", "node", "n1", "-d")

    def job(self, job):
        return self.cluster.must("scontrol", "show", "job", "-d", job)

    def fail(self):
        self.tool.write_text(self.sound.split("\n", 1)[1])
        wait_for(lambda: "GresFaults=gpu:a100:0(" in self.node(), 30, "the node shows the fault")

    def heal(self):
        self.tool.write_text(self.sound)
        wait_for(lambda: "GresFaults" not in self.node(), 30, "the fault is gone")

    def run_job(self, *options):
        job = self.cluster.submit("-n1", *options, wrap="sleep 100")
        self.cluster.wait_state(job, "RUNNING")
        return job


def linked_cards_go_together_with_cpus_beside_them():
    with Cards("keep") as cards:
        one = cards.job(cards.run_job("--gres=gpu:2"))
        check("GRES=gpu:a100:2(IDX:0-1)" in one and "CPU_IDs=0 " in one, one)
        other = cards.job(cards.run_job("--gres=gpu:2"))
        check("GRES=gpu:a100:2(IDX:2-3)" in other and "CPU_IDs=8 " in other, other)


def a_failed_card_is_spared_until_it_is_sound():
    with Cards("keep") as cards:
        held = cards.run_job("--gres=gpu:1")
        cards.fail()
        check("State=MIXED" in cards.node(), "the node stays up")
        check("Gres=gpu:a100:4" in cards.node(), "the configuration stays shown")
        check("Reason=device_gpu:a100:0_on_n1" in cards.job(held), cards.job(held))
        cards.cluster.must("scancel", held)
        cards.cluster.wait_state(held, "CANCELLED by 0", "CANCELLED")
        waits = cards.cluster.submit("-n1", "--gres=gpu:4", wrap="sleep 100")
        three = cards.run_job("--gres=gpu:3")
        check("IDX:1-3" in cards.job(three), cards.job(three))
        cards.cluster.must("scancel", three)
        cards.heal()
        cards.cluster.wait_state(waits, "RUNNING")


def its_job_is_requeued():
    with Cards("requeue") as cards:
        job = cards.run_job("--gres=gpu:2")
        cards.fail()
        wait_for(
            lambda: "Restarts=1" in cards.job(job) and "IDX:2-3" in cards.job(job),
            30,
            "the job runs on sound cards",
        )
        past = cards.cluster.must("sacct", "-n", "-P", "-X", "-D", "-j", job, "-o", "state")
        check("NODE_FAIL" in past or "REQUEUED" in past, past)


def its_job_has_failed():
    with Cards("cancel") as cards:
        job = cards.run_job("--gres=gpu:1")
        cards.fail()
        cards.cluster.wait_state(job, "FAILED")
        check("Reason=device_gpu:a100:0_on_n1" in cards.job(job), cards.job(job))


MIXED = """
cluster_name: mixed
def_mem_per_cpu: 10M
nodes:
  - {node_name: n1, node_addr: 127.0.0.1, cpus: 4, real_memory: 1G, gres: "gpu:a100:2"}
  - {node_name: "n[2-3]", node_addr: 127.0.0.1, cpus: 4, real_memory: 1G, gres: "npu:2,nic:8"}
partitions:
  - {partition_name: batch, nodes: ALL, default: yes}
"""


def any_accelerator_is_of_one_kind():
    with Cluster(config=MIXED) as cluster:

        def show(*options):
            job = cluster.submit(*options, wrap="sleep 100")
            cluster.wait_state(job, "RUNNING")
            text = cluster.must("scontrol", "show", "job", "-d", job)
            cluster.must("scancel", job)
            wait_for(lambda: not cluster.must("squeue", "-h"), 30, "the nodes are free")
            return text

        two = show("-N2", "--gres=accel:2")
        check("NodeList=n[2-3]" in two, two)
        check("AllocTRES=cpu=2,mem=40M,node=2,billing=2,gres/npu=4\n" in two, two)
        check("ReqTRES=cpu=2,mem=40M,node=2,billing=2,gres/accel=4\n" in two, two)
        three = show("-N3", "--gres=accel:2")
        check("gres/gpu=2,gres/gpu:a100=2,gres/npu=4\n" in three, three)
        one = show("-N1", "--gres=accel:a100:1")
        check("JOB_GRES=gpu:a100:1\n" in one, one)
        done = cluster.run("sbatch", "--gres=accel:3", "--wrap", "true")
        check(done.returncode == 1, "no node has three of one kind")
        check(
            "asks for 3 accel on one node; the largest in partition batch has 2" in done.stderr,
            done.stderr,
        )


if __name__ == "__main__":
    main(
        linked_cards_go_together_with_cpus_beside_them,
        a_failed_card_is_spared_until_it_is_sound,
        its_job_is_requeued,
        its_job_has_failed,
        any_accelerator_is_of_one_kind,
    )
