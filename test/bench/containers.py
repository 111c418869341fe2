"""The phase `containers` of scripts/bench: how long a step takes in a container, cold (the image is
pulled from a registry on loopback and unpacked) and warm, beside the plain step, podman run and
charliecloud's ch-run with the same image (busybox).

Sluice runs as an ordinary user, the steps in one allocation. podman runs as root, with crun, the
host's network and no cgroup, and in a mount namespace of its own without the cgroup hierarchies:
crun 1.8 refuses hosts where both versions carry controllers. charliecloud has no pull of its own
from a registry without TLS: its cold start is skopeo copy, tar, ch-run.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "cluster"))
import images  # noqa: E402
from container_cluster import AS_USER, USER, Place, runtime_missing  # noqa: E402

BLIND = (
    'umount /sys/fs/cgroup/unified 2>/dev/null; mount -t tmpfs none /sys/fs/cgroup; exec "$@"',
    "sh",
)
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")


def timed(*words, **options):
    """Milliseconds that a command takes."""
    start = time.monotonic()
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )
    took = (time.monotonic() - start) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{words[:8]}: {done.returncode} {done.stderr[-400:]}")
    return took


def push_all(place, repeat):
    """An image for the warm starts, and for each cold start one that shares nothing with others."""
    place.registry.push(images.get("plain"), "warm")
    for i in range(repeat):
        layer = images.Layer(images.busybox() + [images.file("which", str(i))])
        cold = images.Image([layer], config={"Env": [images.PATH]})
        place.registry.push(cold, f"cold{i}")


def steps(place, images_, repeat):
    """Milliseconds of `repeat` sruns in one allocation; `images_`: of which image each, or None."""
    lines = ["now() { echo $((${EPOCHREALTIME/./})); }"]
    for i in range(repeat):
        image = images_(i)
        option = f"--container-image={image}" if image else ""
        lines.append(f"a=$(now); srun {option} /bin/true || exit 1; b=$(now); echo $((b - a))")
    words = ["salloc", "-Q", "-N1", "-n1", "--mem=200M", "bash", "-c", "\n".join(lines)]
    done = place.cluster.run(*words, user=AS_USER, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"srun: {done.stderr[-400:]}")
    return statistics.median(int(row) / 1000 for row in done.stdout.split())


def podman(place, name, repeat):
    folder = place.folder / "podman"
    words = ["unshare", "-m", "sh", "-c", *BLIND, "podman", "--root", folder / "root"]
    words += ["--runroot", folder / "run", "--cgroup-manager=cgroupfs", "--events-backend=file"]
    words += ["--runtime=crun", "run", "--rm", "--tls-verify=false", "--cgroups=disabled"]
    words += ["--network=host", *LIMITS]
    taken = [timed(*words, f"{place.registry.host}/{name(i)}", "/bin/true") for i in range(repeat)]
    return statistics.median(taken)


def charliecloud(place, name, repeat, cold):
    taken = []
    options = {"env": {**os.environ, "USER": "bench", "HOME": str(place.open)}}
    if AS_USER is not None:
        options.update(user=USER, group=USER, extra_groups=[])
    for i in range(repeat):
        where = place.open / f"ch-{name(i)}"
        start = time.monotonic()
        if not where.exists():
            layout = place.open / f"layout-{name(i)}"
            source = f"docker://{place.registry.host}/{name(i)}"
            words = ["skopeo", "copy", "-q", "--src-tls-verify=false", source, f"oci:{layout}"]
            timed(*words, **options)
            where.mkdir()
            os.chown(where, USER, USER)
            blob = max((layout / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
            timed("tar", "-xzf", blob, "-C", where, **options)
        pulled = time.monotonic() if not cold else start
        timed("ch-run", where, "--", "/bin/true", **options)
        taken.append((time.monotonic() - pulled) * 1000)
    return statistics.median(taken)


def measure(repeat):
    """{row: milliseconds or ratio}."""
    if missing := runtime_missing():
        print(f"bench: containers left out: {missing}", file=sys.stderr)
        return {}
    results = {}

    def warm(_):
        return "warm"

    def cold(i):
        return f"cold{i}"

    with Place(nodes=1, cpus=4) as place:
        push_all(place, repeat)
        plain = steps(place, lambda _: None, repeat)
        results["plain step, ms"] = plain
        results["container step, cold, ms"] = steps(place, lambda i: place.image(cold(i)), repeat)
        steps(place, lambda _: place.image("warm"), 1)
        ours = steps(place, lambda _: place.image("warm"), repeat)
        results["container step, warm, ms"] = ours
        results["container step, warm / plain (goal: 3)"] = ours / plain
        if os.geteuid() == 0 and shutil.which("podman"):
            results["podman run, cold, ms"] = podman(place, cold, repeat)
            podman(place, warm, 1)
            results["podman run, warm, ms"] = podman(place, warm, repeat)
        if shutil.which("ch-run"):
            results["charliecloud, cold, ms"] = charliecloud(place, cold, repeat, cold=True)
            charliecloud(place, warm, 1, cold=False)
            results["charliecloud, warm, ms"] = charliecloud(place, warm, repeat, cold=False)
    return results


if __name__ == "__main__":
    for row, value in measure(int(sys.argv[1]) if sys.argv[1:] else 5).items():
        print(f"{row:44} {value:10.2f}")
