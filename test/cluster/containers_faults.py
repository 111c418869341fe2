#!/usr/bin/env python3
"""Images when things go wrong: many nodes make one pull, the registry dies or stalls in the middle,
the disk fills while layers are unpacked, two jobs race for one image, a job is cancelled while it
pulls, its node's daemons die. Always one pull or a clear failure, never half an image in use.
"""
import os
import pwd
import subprocess
import sys
import threading

import harness
import images
from container_cluster import AS_USER, USER, Place, runtime_missing
from harness import check, wait_for
from registry import Proxy

BIG_MB = 24
place: Place


def big(name):
    """An image with a layer that doesn't compress; a new one for each name."""
    layer = images.Layer(
        [images.file("data/big", os.urandom(BIG_MB << 20)), images.file("done", name)]
    )
    image = images.Image([*images.get("plain").layers, layer], config={"Env": [images.PATH]})
    place.registry.push(image, name)
    return image


def looks_whole(name):
    """The image runs, with all that belongs to it."""
    seen = place.inside(place.image(name), "cat /done; wc -c </data/big")
    check(seen.split() == f"{name}{BIG_MB << 20}".split(), f"{seen!r}")


def halfway(kind):
    """A proxy that stops (hold_after) or ends (cut_after) in the middle of the big layer."""
    return Proxy(place.registry.port, place.ports.pop(), **{kind: (BIG_MB << 20) // 2})


def one_pull_for_sixteen_nodes():
    big("sixteen")
    done = place.srun(place.image("sixteen"), "cat", "/done", options=["-N16", "-n16"], timeout=120)
    check(done.returncode == 0, done.stderr)
    check(done.stdout == "sixteen" * 16, f"{done.stdout!r}")
    check(place.registry.pulls("sixteen") == 1, f"{place.registry.requests('blobs', 'sixteen')}")
    manifests = len(place.registry.requests("manifests", "sixteen"))
    check(manifests <= 3, f"{manifests} manifests asked for")


def two_jobs_race():
    """Two jobs on one node for one image: both run, one of them pulls."""
    big("race")
    outs = [place.open / f"race{i}" for i in (1, 2)]
    jobs = [
        place.cluster.submit(
            *("-w", "n1", "-o", out, f"--container-image={place.image('race')}"),
            wrap="cat /done",
            user=AS_USER,
        )
        for out in outs
    ]
    place.cluster.wait_end(*jobs)
    said = [out.read_text() for out in outs]
    check(said == ["race", "race"], f"{said}")
    check(place.registry.pulls("race") == 1, f"{place.registry.pulls('race')} pulls")


def registry_dies_in_the_middle():
    big("dies")
    with halfway("cut_after") as proxy:
        said = place.refused(f"{proxy.host}#dies", timeout=90)
        check(proxy.held.is_set(), f"it failed before: {said}")
        check("dies" in said or "127.0.0.1" in said or "EOF" in said, f"no reason: {said}")
    looks_whole("dies")


def a_pull_can_be_seen_and_cancelled():
    """While a step's image is on its way, the step says so; ended, it leaves nothing behind."""
    big("stalls")
    with halfway("hold_after") as proxy:
        done = []
        step = threading.Thread(
            target=lambda: done.append(place.srun(f"{proxy.host}#stalls", "true"))
        )
        step.start()
        wait_for(proxy.held.is_set, 60, "the middle of the pull")
        show = ("scontrol", "show", "step")
        wait_for(
            lambda: "ImagePull" in place.cluster.must(*show), 20, "that the step says it pulls"
        )
        place.cluster.must("scancel", "-u", pwd.getpwuid(USER).pw_name)
        step.join(30)
        check(done and done[0].returncode != 0, f"{done}")
        wait_for(lambda: not pullers(), 10, f"the end of {pullers()}")
    place.settled()
    looks_whole("stalls")


def pullers():
    wanted = ("skopeo", "sluice-image")
    return [line for _, line in harness.processes() if line.split("\0")[0].endswith(wanted)]


def node_dies_while_it_pulls():
    big("lost")
    with halfway("hold_after") as proxy:
        image = f"{proxy.host}#lost"
        job = place.cluster.submit(
            *("-w", "n1", "--no-requeue", f"--container-image={image}"), wrap="true", user=AS_USER
        )
        wait_for(proxy.held.is_set, 60, "the middle of the pull")
        place.cluster.kill("n1")
        for pid in place.cluster.stepds():
            os.kill(pid, 9)
        proxy.release()
        place.cluster.up()
        place.cluster.wait_end(job, seconds=90)
    wait_for(lambda: not pullers(), 20, "the end of the pull")
    looks_whole("lost")
    place.settled()


def disk_full():
    """The users' images lie on a file system that is too small for the unpacked layers."""
    if os.geteuid() != 0:
        print("     (left out: needs root for a small file system)")
        return
    small = place.folder / "small"
    small.mkdir()
    size = f"size={BIG_MB + BIG_MB // 2}M"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size + ",mode=711", "tmpfs", small], check=True)
    try:
        big("full")
        with Place(nodes=1, hosts=(place.registry.host,), image_cache=small) as other:
            said = other.refused(place.image("full"), timeout=90)
            check("No space left" in said or "space" in said, said)
            other.refused(place.image("full"), timeout=90)
            # Something smaller still fits once the failed attempt is swept.
            other.registry.push(images.get("plain"), "plain")
            seen = other.inside(other.image("plain"), "cat /etc/os-release")
            check(seen == "ID=plain\n", seen)
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def cancelled_steps_leave_the_others():
    """One of two waiting for the same pull goes away: the other gets its image."""
    big("shared")
    with halfway("hold_after") as proxy:
        image = f"{proxy.host}#shared"
        first = place.cluster.submit(
            "-wn1", f"--container-image={image}", wrap="true", user=AS_USER
        )
        wait_for(proxy.held.is_set, 60, "the middle of the pull")
        done = []
        other = threading.Thread(
            target=lambda: done.append(place.srun(image, "cat", "/done", options=["-wn1"]))
        )
        other.start()
        place.cluster.must("scancel", first)
        place.cluster.wait_end(first)
        proxy.release()
        other.join(60)
    check(done and done[0].stdout == "shared", f"{done}")


def main():
    global place
    if missing := runtime_missing():
        sys.exit(missing)
    with Place(nodes=16, cpus=2, ports=8) as place:
        harness.main(
            one_pull_for_sixteen_nodes,
            two_jobs_race,
            registry_dies_in_the_middle,
            a_pull_can_be_seen_and_cancelled,
            cancelled_steps_leave_the_others,
            node_dies_while_it_pulls,
            disk_full,
        )


if __name__ == "__main__":
    main()
