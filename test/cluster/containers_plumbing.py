#!/usr/bin/env python3
"""What surrounds a container: who pulls and who fetches, what the queue and the account show of it,
what is left of it afterwards, and that nothing runs where there is no runtime.
"""
import os
import sys

import harness
import images
from container_cluster import AS_USER, USER, Place, config, runtime_missing
from harness import Cluster, check, wait_for
from registry import Proxy

place: Place
BIG_MB = 8


def big(name):
    """An image with a layer that doesn't compress."""
    layer = images.Layer([images.file("data/big", os.urandom(BIG_MB << 20))])
    made = images.Image([*images.get("plain").layers, layer], config={"Env": [images.PATH]})
    place.registry.push(made, name)
    return made


def homes():
    return sorted((place.cluster.dir / "nodes").glob(f"*/spool/images/{USER}"))


def field(job, name):
    return place.cluster.must("sacct", "-nPj", job, "-o", name).splitlines()


def one_node_pulls_and_the_other_fetches():
    digest = big("fetched").digest
    done = place.srun(place.image("fetched"), "true", options=["-v", "-N2"])
    check(done.returncode == 0, done.stderr)
    check("n1: image pulling" in done.stderr, done.stderr)
    check("n2: image fetching" in done.stderr, done.stderr)
    check(place.registry.pulls("fetched") == 1, "more than one pull")
    place.settled()
    job = place.cluster.must("sacct", "-nXPo", "jobid").split()[-1]
    check(field(job, "imagedigest")[1] == digest, field(job, "imagedigest"))
    check(float(field(job, "imagetime")[1]) > 0, field(job, "imagetime"))
    check(field(job, "container")[0] == place.image("fetched"), field(job, "container"))


def a_pull_is_a_phase_of_the_job():
    big("slow")
    with Proxy(place.registry.port, place.ports.pop(), hold_after=(BIG_MB << 20) // 2) as proxy:
        job = place.cluster.submit(
            f"--container-image={proxy.host}#slow", "-o", "/dev/null", wrap="true", user=AS_USER
        )

        def shown():
            return place.cluster.must("squeue", "-hj", job, "-o", "%t %r").split()

        wait_for(lambda: shown()[:2] == ["CF", "ImagePull"], 30, "CONFIGURING")
        told = place.cluster.must("scontrol", "show", "job", job)
        check("JobState=CONFIGURING Reason=ImagePull" in told, told)
        proxy.release()
        wait_for(lambda: place.cluster.state(job) == "COMPLETED", 60, "the end of the job")


def an_image_that_is_not_there_ends_the_job():
    out = place.open / "missing.out"
    image = place.image("missing")
    job = place.cluster.submit("-o", out, f"--container-image={image}", wrap="true", user=AS_USER)
    wait_for(lambda: place.cluster.state(job) == "FAILED", 60, "FAILED")
    for reason in field(job, "reason%200"):
        check("missing" in reason and "unknown" in reason, reason)
    check(out.read_text().startswith("slurmstepd: error: "), out.read_text())
    check("missing" in out.read_text(), out.read_text())


def a_name_lives_as_long_as_its_job():
    options = ["-wn1", "--container-name=kept"]
    script = "srun --mem=50M {0} touch /mine && srun --mem=50M {0} ls /mine".format(
        f"--container-image={place.image('t/box', '1')} --container-name=kept"
    )
    done = place.cluster.run("salloc", "-wn1", "sh", "-c", script, user=AS_USER)
    check(done.stdout == "/mine\n", f"{done.stdout} {done.stderr}")
    place.settled()
    wait_for(lambda: not list(homes()[0].glob("containers/*")), 20, "that nothing is kept")
    seen = place.inside(place.image("t/box", "1"), "ls /mine 2>&1; true", *options)
    check("No such file" in seen, seen)


def salloc_tells_its_sruns():
    done = place.cluster.run(
        *("salloc", "-wn1", f"--container-image={place.image('t/box', '1')}"),
        *("--container-mounts=/etc/hostname:/host:ro", "srun", "--mem=50M"),
        *("cat", "/host", "/etc/os-release"),
        user=AS_USER,
    )
    check(done.stdout.endswith("ID=box\n") and len(done.stdout.splitlines()) == 2, f"{done}")


def homes_are_their_users():
    for home in homes():
        seen = home.stat()
        check((seen.st_uid, seen.st_mode & 0o777) == (USER, 0o700), f"{home}: {seen}")
        check(home.parent.stat().st_uid == os.geteuid(), f"{home.parent}")


def without_a_runtime_nothing_runs():
    with Cluster(config=config(1, container_runtime="none")) as cluster:
        mark = cluster.work / "ran"
        done = cluster.run("srun", "--container-image=debian", "touch", mark, user=AS_USER)
        check(done.returncode != 0, "it ran")
        check("no container runtime on n1" in done.stderr, done.stderr)
        job = cluster.submit("--container-image=debian", "-o", "/dev/null", wrap=f"touch {mark}")
        wait_for(lambda: cluster.state(job) == "FAILED", 30, "FAILED")
        check(not mark.exists(), "it ran")


def main():
    global place
    if missing := runtime_missing():
        sys.exit(missing)
    with Place(nodes=2, ports=2) as place:
        place.registry.push(images.get("box"), "t/box", "1")
        harness.main(
            one_node_pulls_and_the_other_fetches,
            a_pull_is_a_phase_of_the_job,
            an_image_that_is_not_there_ends_the_job,
            a_name_lives_as_long_as_its_job,
            salloc_tells_its_sruns,
            homes_are_their_users,
            without_a_runtime_nothing_runs,
        )


if __name__ == "__main__":
    main()
