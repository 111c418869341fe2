#!/usr/bin/env python3
"""Debian's two MPI libraries over several nodes: Open MPI by `srun --mpi=pmix` and by mpirun, MPICH
by `srun --mpi=pmi2` and by mpiexec (hydra). The ring program checks an allreduce over all ranks.
"""
import re
import shutil
import subprocess

import harness
from harness import Cluster, check

RING = harness.ROOT / "scripts" / "demo-jobs" / "ring.c"
RANKS = 6
cluster: Cluster


def build(compiler):
    path = cluster.work / f"ring.{compiler}"
    if not path.exists():
        check(shutil.which(compiler), f"{compiler} is not installed")
        subprocess.run([compiler, "-O1", "-o", path, RING], check=True, timeout=60)
    return path


def expect_ranks(done, nodes=2):
    seen = re.findall(r"rank (\d+) of (\d+) on (\S+): sum (\d+)", done.stdout)
    check(
        done.returncode == 0, f"exit {done.returncode}: {done.stdout[-500:]}{done.stderr[-1500:]}"
    )
    check(sorted(int(rank) for rank, *_ in seen) == list(range(RANKS)), f"ranks {seen}")
    check({(size, total) for _, size, _, total in seen} == {(str(RANKS), "21")}, f"sums {seen}")
    check(len({node for _, _, node, _ in seen}) == nodes, f"nodes {seen}")


def layout(*more):
    return ["-N2", f"-n{RANKS}", "--ntasks-per-node=3", "--mem=400M", *more]


def open_mpi_by_srun():
    expect_ranks(cluster.run("srun", *layout("--mpi=pmix"), build("mpicc.openmpi")))


def open_mpi_by_srun_in_an_allocation_twice():
    ring = build("mpicc.openmpi")
    script = f"srun --mpi=pmix {ring} >/dev/null && srun --mpi=pmix {ring}"
    expect_ranks(cluster.run("salloc", *layout(), "sh", "-c", script))


def open_mpi_by_mpirun():
    done = cluster.run(
        "salloc",
        *layout(),
        "mpirun.openmpi",
        "--allow-run-as-root",
        "--mca",
        "btl",
        "self,tcp",
        "--mca",
        "btl_tcp_if_include",
        "lo",
        "--oversubscribe",
        build("mpicc.openmpi"),
    )
    expect_ranks(done)


def mpich_by_srun():
    expect_ranks(cluster.run("srun", *layout("--mpi=pmi2"), build("mpicc.mpich")))


def mpich_by_mpiexec():
    expect_ranks(cluster.run("salloc", *layout(), "mpiexec.hydra", build("mpicc.mpich")))


def without_mpi_each_is_alone():
    done = cluster.run("srun", "-n2", "--mem=200M", "--mpi=none", build("mpicc.mpich"))
    check(done.stdout.count("rank 0 of 1") == 2, f"{done.stdout}{done.stderr}")


def a_failing_rank_ends_all():
    """MPI_Abort of one rank, here a rank that exits before MPI_Init, must not leave the others."""
    done = cluster.run(
        "srun",
        "-n3",
        "--mem=200M",
        "--mpi=pmi2",
        "-K1",
        "sh",
        "-c",
        f"[ $SLURM_PROCID = 1 ] && exit 6; exec {build('mpicc.mpich')}",
    )
    check(done.returncode != 0, "a step with a failed rank succeeded")


def list_of_plugins():
    done = cluster.run("srun", "--mpi=list")
    check(done.returncode == 0, f"--mpi=list exits with {done.returncode}")
    for word in ("pmix", "pmi2", "none"):
        check(word in done.stdout + done.stderr, f"--mpi=list doesn't name {word}: {done}")


def main():
    global cluster
    with Cluster(nodes=2, cpus=4, memory="2G") as cluster:
        harness.main(
            open_mpi_by_srun,
            open_mpi_by_srun_in_an_allocation_twice,
            open_mpi_by_mpirun,
            mpich_by_srun,
            mpich_by_mpiexec,
            without_mpi_each_is_alone,
            a_failing_rank_ends_all,
            list_of_plugins,
        )


if __name__ == "__main__":
    main()
