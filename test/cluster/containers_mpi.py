#!/usr/bin/env python3
"""MPI in containers, 8 ranks on 4 nodes: Open MPI by PMIx and MPICH by PMI-2, one container for the
ranks of a node; and an Open MPI whose release, like its PMIx, is not the host's (skipped where the
other release's packages can't be had). Then the other runtimes: charliecloud by a command pattern,
and none at all.
"""
import pathlib
import re
import shutil
import sys

import harness
import images
from container_cluster import AS_USER, Place, runtime_missing
from harness import check

RANKS, NODES = 8, 4
# The nodes are one host: MPICH takes them for one, and its ranks speak through files there.
HOST_SHM = "--container-mounts=/dev/shm:/dev/shm"
place: Place


def ring(image, mpi, *options):
    """Runs the ring program in the image on all nodes; checks what each rank says."""
    words = [f"-N{NODES}", f"-n{RANKS}", "--ntasks-per-node=2", "--mem=400M", f"--mpi={mpi}"]
    done = place.srun(place.image(image), "/usr/bin/ring", options=[*words, *options])
    seen = re.findall(r"rank (\d+) of (\d+) on (\S+): sum (\d+)", done.stdout)
    check(done.returncode == 0, f"{done.returncode}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    check(sorted(int(rank) for rank, *_ in seen) == list(range(RANKS)), f"ranks {seen}")
    check({(size, total) for _, size, _, total in seen} == {(str(RANKS), "36")}, f"sums {seen}")
    check(len({node for _, _, node, _ in seen}) == NODES, f"nodes {seen}")


def push(name):
    place.registry.push(images.get(name), name)


def open_mpi_by_pmix():
    push("ompi")
    ring("ompi", "pmix")


def open_mpi_again_readonly():
    ring("ompi", "pmix", "--container-readonly")


def mpich_as_root():
    ring("mpich", "pmi2", HOST_SHM, "--container-remap-root")


def mpich_by_pmi2():
    push("mpich")
    ring("mpich", "pmi2", HOST_SHM)


def open_mpi_of_another_release():
    try:
        push("ompi-other")
    except images.Unavailable as why:
        print(f"     (left out: {why})")
        return
    ring("ompi-other", "pmix")


def one_pull_for_all_nodes():
    """Each image came from the registry once, for four nodes and two steps."""
    for name in ("ompi", "mpich"):
        check(place.registry.pulls(name) == 1, f"{name}: {place.registry.pulls(name)} pulls")


def by_charliecloud():
    """A runtime by pattern: the image as a folder that it understands."""
    ch_run = shutil.which("ch-run")
    if not ch_run:
        print("     (left out: charliecloud is not installed)")
        return
    keys = {"container_runtime": "charliecloud"}
    keys["container_runtimes"] = f"\n  - name: charliecloud\n    run: {ch_run} %r -- %@"
    with Place(nodes=2, **keys) as other:
        other.registry.push(images.get("box"), "t/box", "1")
        box = other.image("t/box", "1")
        seen = other.inside(box, "cat /etc/os-release; echo $SLURM_PROCID", "-n2", "-N2")
        check(sorted(seen.split()) == ["0", "1", "ID=box", "ID=box"], f"{seen}")
        done = other.srun(box, "sh", "-c", "exit 5")
        check(done.returncode == 5, f"{done}")
        other.refused(box, "--container-unshare=net", says=("unshare", "net", "charliecloud"))
        other.settled()


def without_a_runtime():
    with Place(nodes=1, container_runtime="none") as other:
        other.registry.push(images.get("box"), "t/box", "1")
        other.refused(other.image("t/box", "1"), says=("container", "runtime"))
        job = other.cluster.submit(
            f"--container-image={other.image('t/box', '1')}",
            "-o",
            other.open / "ran",
            wrap="echo ran",
            user=AS_USER,
        )
        other.cluster.wait_end(job)
        check(other.cluster.state(job) in ("FAILED", "NODE_FAIL"), other.cluster.state(job))
        ran = pathlib.Path(other.open / "ran")
        check(not ran.exists() or "ran\n" != ran.read_text(), "it ran without a container")
        check(other.cluster.run("srun", "--mem=20M", "true").returncode == 0, "plain steps")


def names_beyond_the_job():
    """container_scope: user. The next job finds the files."""
    with Place(nodes=1, container_scope="user") as other:
        other.registry.push(images.get("box"), "t/box", "1")
        other.inside(other.image("t/box", "1"), "touch /data/kept-here", "--container-name=mine")
        seen = other.inside(None, "ls /data/kept-here", "--container-name=mine")
        check(seen == "/data/kept-here\n", f"{seen}")
        other.settled()


def sites_defaults():
    """What the configuration says where the user doesn't; the user may say otherwise."""
    keys = {
        "container_remap_root": "yes",
        "container_writable": "no",
        "container_entrypoint": "yes",
    }
    keys["container_mounts"] = "/etc/hostname:/site/name:ro"
    with Place(nodes=1, **keys) as other:
        other.registry.push(images.get("box"), "t/box", "1")
        box = other.image("t/box", "1")
        seen = other.inside(box, "id -u; touch /data/x 2>/dev/null || echo shut; ls /site")
        check(seen.splitlines()[1:] == ["0", "shut", "name"] and "entry:" in seen, f"{seen!r}")
        options = ("--no-container-remap-root", "--container-writable", "--no-container-entrypoint")
        seen = other.inside(box, "id -u; touch /data/x 2>/dev/null || echo shut", *options)
        check(seen.split() != ["0", "shut"] and "shut" not in seen, f"{seen!r}")


def main():
    global place
    if missing := runtime_missing():
        sys.exit(missing)
    with Place(nodes=NODES, cpus=4) as place:
        harness.main(
            open_mpi_by_pmix,
            open_mpi_again_readonly,
            mpich_by_pmi2,
            mpich_as_root,
            open_mpi_of_another_release,
            one_pull_for_all_nodes,
            by_charliecloud,
            without_a_runtime,
            names_beyond_the_job,
            sites_defaults,
        )


if __name__ == "__main__":
    main()
