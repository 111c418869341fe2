#!/usr/bin/env python3
"""Every option of containers, looked at from inside: a real registry on loopback, images made of
Debian's files (images.py), crun or runc, an ordinary user. The images' forms, what is mounted,
names, environment, confinement, and that nothing is left in the end.
"""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys

import harness
import hostile_bundles
import images
from container_cluster import AS_USER, OTHER, USER, Place, runtime_missing
from harness import check, wait_for
from registry import Registry

place: Place
IN_BOX = "cat /etc/os-release"
# What root of a container may: what concerns the user's own files and processes, and chroot.
OWN_FILES = 0x400FB


def box(tag="1"):
    return place.image("t/box", tag)


# ---- images ------------------------------------------------------------------------------------


def by_tag():
    script = "; ".join(
        (
            IN_BOX,
            "cat /data/kept /data/replaced /data/turned /data/linked",
            "ls /data/opaque",
            "ls -d /data/removed 2>/dev/null; true",
        )
    )
    seen = place.inside(box(), script).splitlines()
    wanted = ["ID=box", "from layer 1", "layer 2", "a file now", "the workdir", "new"]
    check(seen == wanted, f"{seen}")


def by_digest():
    digest = images.get("box").digest
    where = f"{place.registry.host}#t/box@"
    check(place.inside(where + digest, IN_BOX) == "ID=box\n", "not the box")
    place.refused(where + "sha256:" + "0" * 64, says=("unknown", "not found", "manifest"))


def without_the_hash():
    """The form that everybody but enroot uses."""
    name = f"{place.registry.host}/t/box:1"
    check(place.inside(name, IN_BOX) == "ID=box\n", "not the box")


def from_files():
    image = images.get("box")
    made = (
        image.squashfs(place.folder / "box.sqsh"),
        image.layout(place.folder / "layout"),
        image.docker_archive(place.folder / "box.tar"),
    )
    for path in made:
        seen = place.inside(path, f"{IN_BOX} /data/replaced; ls /data/opaque").split("\n")
        check(seen == ["ID=box", "layer 2", "new", ""], f"{path}: {seen}")


def by_relative_path():
    done = place.cluster.run(
        *("srun", "--mem=100M", "--container-image=./layout", "cat", "/etc/os-release"),
        user=AS_USER,
        cwd=place.folder,
    )
    check(done.stdout == "ID=box\n", f"{done}")


def another_cannot_read_it():
    """An image that only its owner can read is refused to others, also when the node has it."""
    path = images.get("plain").squashfs(place.open / "mine.sqsh")
    os.chown(path, USER, USER)
    path.chmod(0o600)
    check(place.inside(path, "cat /etc/os-release") == "ID=plain\n", "not the plain one")
    if os.geteuid() == 0:
        place.refused(path, user=OTHER, says=("ermission denied",))


def that_are_not_there():
    host = place.registry.host
    for image, words in (
        (f"{host}#t/nothing:1", ("unknown", "not found")),
        (f"{host}#t/box:nothing", ("unknown", "not found")),
        (f"{host}#t/foreign:1", ("architecture", "s390x")),
        ("127.0.0.1:1#t/box:1", ("refused",)),
        ("/nowhere/box.sqsh", ("No such file", "not found")),
        ("/etc/passwd", ("neither",)),
        (str(place.folder), ("not", "no ")),
        ("t/bo x:1", ("nvalid",)),
        (f"{host}#t/box@sha256:12", ("nvalid", "digest")),
        (f"{host}#../../etc:1", ("nvalid",)),
    ):
        place.refused(image, says=words)


def once_fetched_is_kept():
    before = len(place.registry.requests("blobs", "t/box"))
    place.inside(box(), "true")
    check(len(place.registry.requests("blobs", "t/box")) == before, "layers were fetched again")


def a_tag_that_moved():
    """A tag is asked for at each step: the newer image is taken."""
    registry = place.registry
    registry.push(images.get("plain"), "t/moving", "1")
    moving = place.image("t/moving", "1")
    check(place.inside(moving, IN_BOX) == "ID=plain\n", "the first")
    registry.push(images.get("box"), "t/moving", "1")
    check(place.inside(moving, IN_BOX) == "ID=box\n", "the second")


# ---- what is mounted ---------------------------------------------------------------------------


def mounts():
    source = place.open / "source"
    source.mkdir()
    (source / "file").write_text("of the host\n")
    for path in (source, source / "file"):
        os.chown(path, USER, USER)
    seen = place.inside(
        box(),
        "cat /in/file; echo written >/in/new; cat /ro/file; touch /ro/x 2>&1; cat /deep/in/it",
        f"--container-mounts={source}:/in,{source}:/ro:ro+rprivate",
        f"--container-mounts={source}/file:/deep/in/it",
    ).splitlines()
    check(seen[0] == seen[1] == seen[3] == "of the host", f"{seen}")
    check("Read-only file system" in seen[2], f"{seen}")
    check((source / "new").read_text() == "written\n", "a mount can't be written to")
    check((source / "new").stat().st_uid == USER, "written by another user")
    seen = place.inside(box(), f"ls {source}", f"--container-mounts={source}")
    check(seen.split() == ["file", "new"], f"source alone: {seen}")


def mounts_that_fail():
    closed = place.folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "inner").mkdir()
    for mount, words in (
        ("/nowhere:/x", ("No such file",)),
        (f"{closed}/inner:/x", ("ermission denied",)),
        ("/tmp:x", ("absolute",)),
        ("/tmp:/x:wrong", ("flag",)),
    ):
        if words == ("ermission denied",) and AS_USER is None:
            continue
        place.refused(box(), f"--container-mounts={mount}", says=words)


def mount_over_links_of_the_image():
    """A target that goes through a link of the image stays inside."""
    layer = images.Layer([images.symlink("out", str(place.open)), images.symlink("up", "../../..")])
    image = images.Image([*images.get("plain").layers, layer])
    image.layout(place.folder / "links")
    before = sorted(os.listdir(place.open))
    for target in ("/out/new", "/up/new", "/out"):
        done = place.srun(
            place.folder / "links",
            *("ls", target),
            options=[f"--container-mounts=/etc/passwd:{target}/it"],
        )
        check(sorted(os.listdir(place.open)) == before, f"{target} was made on the host: {done}")


def workdir():
    check(place.inside(box(), "pwd", "--container-workdir=/data") == "/data\n", "as asked")
    check(place.inside(box(), "pwd") == "/app\n", "the image's own")
    place.refused(
        box(), "--container-workdir=/not/there", says=("No such file", "chdir", "/not/there")
    )


def mount_home():
    home = place.cluster.environment["HOME"]
    script = f"ls -id {home} 2>/dev/null; true"
    inode = str(os.stat(home).st_ino)
    check(inode not in place.inside(box(), script), "the home is there unasked")
    seen = place.inside(box(), script, "--container-mount-home")
    check(inode in seen, f"{home} isn't there: {seen}")
    check(
        inode not in place.inside(box(), script, "--no-container-mount-home"), "refused and there"
    )


def writable_and_readonly():
    script = "touch /data/x && echo written"
    check(place.inside(box(), script, "--container-writable") == "written\n", "writable")
    check(place.inside(box(), "ls /data/x 2>/dev/null; true") == "", "it was kept")
    done = place.srun(box(), "touch", "/data/x", options=["--container-readonly"])
    check(done.returncode != 0 and "Read-only" in done.stderr, f"{done}")


# ---- names and saved files ---------------------------------------------------------------------


def kept_by_name():
    script = (
        f"srun --mem=100M --container-image={box()} --container-name=mine touch /data/kept-here && "
        "srun --mem=100M --container-name=mine ls /data/kept-here && "
        "srun --mem=100M --container-name=other ls /data/kept-here"
    )
    done = place.cluster.run(*"salloc -Q -N1 --mem=300M sh -c".split(), script, user=AS_USER)
    check(done.stdout == "/data/kept-here\n", f"{done}")
    check(done.returncode != 0 and "other" in done.stderr, f"a name of nothing: {done}")
    place.refused(None, "--container-name=mine", says=("mine",))


def one_name_at_a_time():
    """Two steps in one kept container at once see each other's files."""
    script = (
        f"srun --mem=100M -n1 --overlap --container-image={box()} --container-name=both sh -c "
        "'until [ -e /data/second ]; do sleep 0.05; done; echo met' & "
        "srun --mem=100M -n1 --overlap --container-name=both true; "
        f"srun --mem=100M -n1 --overlap --container-image={box()} --container-name=both "
        "touch /data/second; wait"
    )
    words = "salloc -Q -N1 -n2 --mem=400M sh -c".split()
    done = place.cluster.run(*words, script, user=AS_USER, timeout=40)
    said = done.stdout + done.stderr
    check("met" in done.stdout or "in use" in said or "busy" in said, f"{done}")


def save():
    path = place.open / "saved.sqsh"
    place.inside(box(), "echo changed >/data/kept; rm /data/turned", f"--container-save={path}")
    check(path.stat().st_uid == USER, "saved by another user")
    check(path.read_bytes()[:4] == b"hsqs", "not a squashfs file")
    seen = place.inside(path, "cat /data/kept /etc/os-release; ls /data/turned 2>/dev/null; true")
    check(seen == "changed\nID=box\n", f"{seen!r}")
    where = place.folder / "closed.sqsh"
    if AS_USER is not None:
        place.refused(box(), f"--container-save={where}", says=("ermission denied",))
        check(not where.exists(), "saved where the user may not write")


# ---- as whom, and with what variables ----------------------------------------------------------


def remap_root():
    check(place.inside(box(), "id -u") == f"{USER}\n", "oneself")
    touch = place.open / "by-root"
    script = f"id -u; touch {touch}; cat /host/shadow 2>&1; grep CapEff /proc/self/status"
    options = ("--container-remap-root", f"--container-mounts={place.open},/etc:/host")
    seen = place.inside(box(), script, *options).splitlines()
    check(seen[0] == "0", f"{seen}")
    check(touch.stat().st_uid == USER, "root outside")
    check("ermission denied" in seen[1], "it reads root's file")
    check(int(seen[2].split()[1], 16) & ~OWN_FILES == 0, f"{seen}")
    check(place.inside(box(), "id -u", "--no-container-remap-root") == f"{USER}\n", "declined")


def entrypoint():
    check("entry:" not in place.inside(box(), "true"), "unasked")
    seen = place.inside(box(), "echo payload", "--container-entrypoint")
    check(seen == "entry: first sh -c echo payload\npayload\n", f"{seen!r}")
    check(place.inside(box(), "echo x", "--no-container-entrypoint") == "x\n", "declined")


def entrypoint_log():
    log = place.open / "entry.log"
    options = ("--container-entrypoint", f"--container-entrypoint-log={log}")
    place.inside(box(), "true", *options)
    check("entry: first" in log.read_text(), log.read_text())


def environment():
    env = {"SHARED_VAR": "host", "HOST_VAR": "of the host"}
    script = 'echo "$IMAGE_VAR|$SHARED_VAR|$HOST_VAR|$SLURM_PROCID|$SLURM_JOB_ID|$HOME"'
    seen = place.inside(box(), script, env=env).strip().split("|")
    check(seen[:4] == ["from the image", "image", "of the host", "0"], f"{seen}")
    check(seen[4].isdigit(), f"{seen}")
    seen = place.inside(box(), script, "--container-env=SHARED_VAR", env=env).strip().split("|")
    check(seen[1] == "host", f"{seen}")


# ---- what is shared with the host, and what isn't ----------------------------------------------


def unshare():
    def own(kind):
        return os.readlink(f"/proc/self/ns/{kind}")

    script = "for i in net ipc uts; do readlink /proc/self/ns/$i; done"
    seen = place.inside(box(), script).split()
    check(seen == [own("net"), own("ipc"), own("uts")], f"unasked: {seen}")
    script += "; cat /proc/self/net/dev | sed 1,2d | cut -d: -f1; hostname"
    seen = place.inside(box(), script, "--container-unshare=net,ipc,uts").split()
    check(seen[0] != own("net") and seen[1] != own("ipc") and seen[2] != own("uts"), f"{seen}")
    check(seen[3] == "lo" and len(seen) == 5, f"more than lo: {seen}")
    seen = place.inside(box(), "readlink /proc/self/ns/net", "--container-unshare=uts").split()
    check(seen == [own("net")], "only uts was asked for")
    place.refused(box(), "--container-unshare=pid", says=("nvalid",))


def confined():
    script = r"""
grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status | tr -d '\t'
/usr/local/bin/busybox-setuid id -u
ls /dev | tr '\n' ' '; echo
for f in /proc/kcore /proc/sysrq-trigger /proc/keys /proc/timer_list; do
  head -c1 $f 2>/dev/null | wc -c
done
ls /sys/firmware 2>/dev/null | wc -l
echo 1 2>/dev/null >/proc/sys/kernel/sysrq || echo closed
mount -t tmpfs t /tmp 2>/dev/null || echo closed
mknod /tmp/null c 1 3 2>/dev/null || echo closed
"""
    for options in ((), ("--container-remap-root",)):
        seen = place.inside(box(), script, *options).splitlines()
        status = dict(line.split(":") for line in seen[:3])
        check(status["NoNewPrivs"] == "1", f"{seen}")
        allowed = OWN_FILES if options else 0
        for name in ("CapEff", "CapBnd"):
            check(int(status[name], 16) & ~allowed == 0, f"{options}: {seen}")
        check(seen[3] == ("0" if options else str(USER)), f"setuid: {seen[3]}")
        devices = set(seen[4].split())
        wanted = {"null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "ptmx"}
        harmless = {"sluice", "fd", "stdin", "stdout", "stderr", "core", "mqueue", "console"}
        check(wanted <= devices, f"/dev lacks {wanted - devices}")
        check(devices <= wanted | harmless, f"/dev has {devices - wanted - harmless}")
        check(seen[5:10] == ["0"] * 5, f"masked: {seen[5:10]}")
        check(seen[10:] == ["closed"] * 3, f"{seen[10:]}")


def host_is_out_of_sight():
    script = f"ls -d {place.folder} {place.cluster.work} /usr/bin/gcc 2>/dev/null; mount"
    seen = place.inside(box(), script)
    check(str(place.open) not in seen, f"{seen}")


def shared_by_ranks():
    """The ranks of a node share one container: its /dev/shm and its files; nodes don't."""
    script = (
        "echo x >/data/$SLURM_PROCID; echo x >/dev/shm/sluice.$SLURM_JOB_ID.$SLURM_PROCID;"
        "n=0; while [ $(ls /data/0 /data/1 2>/dev/null | wc -l) != 2 -a $n != 200 ]; do "
        "sleep 0.05; n=$((n+1)); done; ls /data/[0-9]; ls /dev/shm | grep -c sluice.$SLURM_JOB_ID;"
        "readlink /proc/self/ns/mnt"
    )
    lines = place.inside(box(), script, "-n2", "-N1", "-l").splitlines()
    ranks = [[row[3:] for row in lines if row.startswith(f"{rank}: ")] for rank in (0, 1)]
    check(ranks[0] == ranks[1] and ranks[0][:2] == ["/data/0", "/data/1"], f"{ranks}")


# ---- bundles and identities --------------------------------------------------------------------


def bundle():
    path = place.folder / "bundle"
    hostile_bundles.bundle(
        path,
        process={
            "env": [images.PATH, "OF_BUNDLE=yes"],
            "cwd": "/etc",
            "args": ["/bin/echo", "own"],
        },
    )
    subprocess.run(["chown", "-R", f"{USER}:{USER}", path], check=True)
    seen = place.inside(None, "echo $OF_BUNDLE; pwd; ls -d /etc/passwd", f"--container={path}")
    check(seen.split() == ["yes", "/etc", "/etc/passwd"], f"{seen}")
    place.refused(None, "--container=/nowhere/bundle", says=("No such file", "config.json"))


def container_id():
    words = ("--container-id=my-id", f"--container-image={box()}")
    job = place.cluster.submit(*words, wrap="sleep 60", user=AS_USER)
    try:
        place.cluster.wait_state(job, "RUNNING")
        shown = place.cluster.must("scontrol", "show", "job", job)
    finally:
        place.cluster.must("scancel", job)
        place.cluster.wait_end(job)
    check("ContainerID=my-id" in shown and f"Container={box()}" in shown, shown)


def exclusive_words():
    for options in (
        ("--container=/x", f"--container-image={box()}"),
        ("--container-mounts=/tmp:/x",),
        ("--container-writable", "--container-readonly", f"--container-image={box()}"),
    ):
        place.refused(None, *options, says=("exclusive", "needs"))


# ---- batch scripts, allocations, ends ----------------------------------------------------------


def batch_script():
    out = place.open / "batch.out"
    script = (
        "#!/bin/sh\n#SBATCH --mem=100M\n"
        f"#SBATCH --container-image={box().replace('#', chr(92) + '#')}\n"
        f"#SBATCH -o {out}\ncat /etc/os-release\necho $1\nexit 7\n"
    )
    path = place.open / "script.sh"
    path.write_text(script)
    done = place.cluster.run("sbatch", "--parsable", path, "argument", user=AS_USER)
    check(done.returncode == 0, done.stderr)
    job = int(done.stdout)
    place.cluster.wait_end(job)
    check(out.read_text() == "ID=box\nargument\n", out.read_text())
    seen = place.cluster.must(*f"sacct -n -P -X -j {job} -o state,exitcode".split())
    check(seen.strip() == "FAILED|7:0", seen)


def inherited_from_salloc():
    words = ["salloc", "-Q", "-N1", "--mem=200M", f"--container-image={box()}"]
    words += ["--container-workdir=/data"]
    done = place.cluster.run(*words, "srun", "sh", "-c", f"pwd; {IN_BOX}", user=AS_USER)
    check(done.stdout == "/data\nID=box\n", f"{done}")
    done = place.cluster.run(*words, "sh", "-c", "ls /data/kept", user=AS_USER)
    check(done.returncode != 0, "salloc's own command runs in the container")


def by_variables():
    env = {"PYXIS_CONTAINER_WORKDIR": "/data", "PYXIS_CONTAINER_REMAP_ROOT": "yes"}
    seen = place.inside(box(), "pwd; id -u", env=env)
    check(seen == "/data\n0\n", f"{seen!r}")


def exit_codes_and_streams():
    done = place.srun(box(), "sh", "-c", "exit 9")
    check(done.returncode == 9, f"{done}")
    done = place.srun(box(), "sh", "-c", "kill -9 $$")
    check(done.returncode == 137, f"{done}")
    done = place.srun(box(), "sh", "-c", "cat; echo err >&2", stdin="in\n")
    check(done.stdout == "in\n" and "err" in done.stderr, f"{done}")
    done = place.srun(box(), "sh", "-c", "test -t 0 && echo terminal", options=["--pty"])
    check("terminal" in done.stdout, f"{done}")
    place.refused(box(), command=("no-such-program",), says=("No such file",))


def cancelled():
    job = place.cluster.submit(f"--container-image={box()}", wrap="sleep 1000", user=AS_USER)
    place.cluster.wait_state(job, "RUNNING")
    place.cluster.must("scancel", job)
    place.cluster.wait_end(job)
    check(place.cluster.state(job).startswith("CANCELLED"), place.cluster.state(job))


def in_accounting():
    job = place.cluster.submit(f"--container-image={box()}", user=AS_USER)
    place.cluster.wait_end(job)
    seen = place.cluster.must(*f"sacct -n -P -j {job} -o container,imagedigest".split())
    check("t/box:1" in seen, f"the image isn't told: {seen}")
    check(images.get("box").digest in seen, f"no digest: {seen}")


def image_commands():
    """sluice image pull, list, inspect, save, rm, gc; as the user, with a folder of the user's."""
    home = place.open / "home"
    home.mkdir(mode=0o700)
    os.chown(home, USER, USER)

    def image(command, *words, fails=False):
        line = ("sluice", "image", command, "--home", home, *words)
        done = place.cluster.run(*line, user=AS_USER)
        check((done.returncode != 0) == fails, f"{line}: {done}")
        return done.stdout + done.stderr

    image("pull", "--insecure-registry", place.registry.host, box())
    check("t/box" in image("list"), image("list"))
    check(images.get("box").digest in image("list", "--json"), image("list", "--json"))
    shown = json.loads(image("inspect", box()))
    check("IMAGE_VAR" in json.dumps(shown), f"{shown}")
    saved = place.open / "by-command.sqsh"
    image("save", box(), saved)
    check(saved.read_bytes()[:4] == b"hsqs", "not a squashfs file")
    image("rm", box())
    check("t/box" not in image("list"), image("list"))
    image("gc", "--max-age", "0")
    left = [p for p in home.rglob("*") if p.is_file() and p.stat().st_size > 100000]
    check(not left, f"gc left {left}")
    image("inspect", box(), fails=True)
    image("pull", "127.0.0.1:1#t/box:1", fails=True)


def with_a_login():
    """A registry that asks for a password: the user's own, from the usual file."""
    login = ("me", "secret")
    with Registry(place.folder / "private", login, port=place.ports[0]) as registry:
        registry.push(images.get("plain"), "p/plain", "1")
        name = f"{registry.host}#p/plain:1"
        place.refused(name, says=("unauthorized", "authentication"))
        word = base64.b64encode(":".join(login).encode()).decode()
        kept = place.open / ".docker" / "config.json"
        kept.parent.mkdir()
        kept.write_text(json.dumps({"auths": {registry.host: {"auth": word}}}))
        for path in (kept.parent, kept):
            os.chown(path, USER, USER)
            path.chmod(0o700)
        check(place.inside(name, IN_BOX) == "ID=plain\n", "with the login")
        check(place.inside(f"me@{name}", IN_BOX) == "ID=plain\n", "as me")
        place.refused(f"you@{name}", says=("log",))
        if AS_USER is not None:  # what one user may have is not another's
            place.refused(name, user=OTHER, says=("unauthorized", "authentication", "denied"))


def nothing_left():
    place.settled()
    seen = [
        line for _, line in harness.processes() if re.match(r"(crun|runc|/usr/\S+runc?)\0", line)
    ]
    check(not seen, f"{seen}")
    groups = pathlib.Path("/sys/fs/cgroup/devices/sluice")
    left = [str(p) for p in groups.glob("*/job_*")] if groups.exists() else []
    mine = [p for p in left if str(place.cluster.dir.parent.name) in p]
    check(not mine, f"{mine}")
    wait_for(lambda: not place.scratch(), 5, f"{place.scratch()}")


def efficiency():
    """What processes in a container use is the job's; the shell there says how much it was."""
    out = place.open / "used.out"
    script = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; times"
    job = place.cluster.submit(
        f"--container-image={box()}", "-n1", "-o", out, wrap=script, user=AS_USER
    )
    place.cluster.wait_end(job)
    minutes, seconds = re.match(r"(\d+)m([\d.]+)s", out.read_text()).groups()
    at_least = 60 * int(minutes) + float(seconds)
    told = json.loads(place.cluster.must("sluice", "eff", "--json", job))["jobs"][0]
    check(at_least > 0.05 and told["cpu_seconds"] >= at_least, f"{told}, not {at_least} s")
    check(0 < told["memory_used_kib"] <= 1024 * told["memory_allocated_mib"], f"{told}")


def main():
    global place
    if missing := runtime_missing():
        sys.exit(missing)
    foreign = images.Image(images.get("plain").layers, architecture="s390x")
    with Place(nodes=2, cpus=4, ports=1) as place:
        place.registry.push(images.get("box"), "t/box", "1")
        place.registry.push(foreign, "t/foreign", "1")
        harness.main(
            by_tag,
            by_digest,
            without_the_hash,
            from_files,
            by_relative_path,
            another_cannot_read_it,
            that_are_not_there,
            once_fetched_is_kept,
            a_tag_that_moved,
            mounts,
            mounts_that_fail,
            mount_over_links_of_the_image,
            workdir,
            mount_home,
            writable_and_readonly,
            kept_by_name,
            one_name_at_a_time,
            save,
            remap_root,
            entrypoint,
            entrypoint_log,
            environment,
            unshare,
            confined,
            host_is_out_of_sight,
            shared_by_ranks,
            bundle,
            container_id,
            exclusive_words,
            batch_script,
            inherited_from_salloc,
            by_variables,
            exit_codes_and_streams,
            cancelled,
            in_accounting,
            efficiency,
            with_a_login,
            image_commands,
            nothing_left,
        )


if __name__ == "__main__":
    main()
