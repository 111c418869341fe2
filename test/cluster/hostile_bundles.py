"""Bundles, archives and other paths that somebody made to do harm: the second table of
hostile_images.py. A row's maker gets the path to make, and the canary: a folder that the job's user
may not write to, in which only root could change something; of a bundle, which is the user's own
recipe, no more is demanded than that it does nothing that its user couldn't.
"""
import gzip
import io
import json
import os
import tarfile

import images

PROCESS = {"args": ["/bin/sh"], "cwd": "/", "env": [images.PATH], "user": {"uid": 0, "gid": 0}}


def unpack_busybox(where):
    with tarfile.open(fileobj=io.BytesIO(images.tar(images.busybox()))) as archive:
        archive.extractall(where)


def bundle(path, process=None, linux=None, **more):
    """A bundle with busybox; the arguments replace what config.json holds."""
    path.mkdir()
    unpack_busybox(path / "rootfs")
    write_config(path, process, linux, **more)
    return path


def write_config(path, process=None, linux=None, **more):
    config = {
        "ociVersion": "1.0.0",
        "root": {"path": "rootfs"},
        "process": {**PROCESS, **(process or {})},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": "mount"}], **(linux or {})},
        **more,
    }
    (path / "config.json").write_text(json.dumps(config))


def made(process=None, linux=None, **more):
    return lambda path, canary: bundle(path, process, linux, **more)


def hooks(path, canary):
    """Every kind of hook there is; each would leave its own id in the canary."""
    names = (
        "prestart",
        "createRuntime",
        "createContainer",
        "startContainer",
        "poststart",
        "poststop",
    )
    line = f"id >> {canary}/hooked; id >> {path}/hooked; true"
    each = [{"path": "/bin/sh", "args": ["sh", "-c", line]}]
    bundle(path, hooks={name: each for name in names})


def mount(source, destination, **more):
    one = {
        "destination": destination,
        "type": "bind",
        "source": source,
        "options": ["rbind"],
        **more,
    }
    proc = {"destination": "/proc", "type": "proc", "source": "proc"}
    return made(mounts=[proc, one])


def mount_through_link(path, canary):
    bundle(path)
    (path / "rootfs" / "out").symlink_to(canary)
    one = {"destination": "/out/there", "type": "bind", "source": "/etc", "options": ["bind"]}
    write_config(path, mounts=[one])


def mount_on_canary_by_dots(path, canary):
    dots = "/" + "../" * 20 + str(canary)
    one = {"destination": dots, "type": "tmpfs", "source": "tmpfs"}
    bundle(path, mounts=[one])


def config_is(make):
    def write(path, canary):
        bundle(path)
        (path / "config.json").unlink()
        make(path / "config.json", canary)

    return write


def root_is(target):
    def write(path, canary):
        bundle(path, root={"path": target})

    return write


def rootfs_link(path, canary):
    path.mkdir()
    (path / "rootfs").symlink_to("/")
    write_config(path)


def link_in_rootfs(name, target):
    def write(path, canary):
        path.mkdir()
        unpack_busybox(path / "rootfs")
        place = path / "rootfs" / name
        if place.is_dir():
            place.rmdir()
        place.symlink_to(target or canary)
        write_config(path)

    return write


def archive(*entries, **about):
    """A docker-archive with these entries, and a manifest.json with these fields replaced."""

    def write(path, canary):
        image = images.Image([images.Layer([images.file("etc/x", "x")])])
        name = images.sha256(image.config_blob)[7:] + ".json"
        manifest = {"Config": name, "RepoTags": ["x:1"], "Layers": ["layer.tar"], **about}
        files = [
            images.file(name, image.config_blob),
            images.file("layer.tar", image.layers[0].plain),
        ]
        files = [f for f in files if f[0].name not in {e.name for e, _ in entries}]
        files += [images.file("manifest.json", json.dumps([manifest])), *entries]
        path.write_bytes(images.tar(files))

    return write


def layout_with(change):
    def write(path, canary):
        images.Image([images.Layer([images.file("etc/x", "x")])]).layout(path)
        change(path, canary)

    return write


def index_of_itself(path, canary):
    """An index whose only entry is an index, which is itself an index of the first."""
    index = {"schemaVersion": 2, "mediaType": images.OCI + "index.v1+json"}
    data = json.dumps({**index, "manifests": []}).encode()
    for _ in range(60):
        (path / "blobs/sha256" / images.sha256(data)[7:]).write_bytes(data)
        entry = images.descriptor(index["mediaType"], data)
        data = json.dumps({**index, "manifests": [entry] * 2}).encode()
    (path / "index.json").write_bytes(data)


def blobs_are_links(path, canary):
    for blob in (path / "blobs/sha256").iterdir():
        blob.unlink()
        blob.symlink_to("/etc/shadow")


def blob_is_fifo(path, canary):
    for blob in (path / "blobs/sha256").iterdir():
        blob.unlink()
        os.mkfifo(blob)


def index_is_fifo(path, canary):
    (path / "index.json").unlink()
    os.mkfifo(path / "index.json")


def squashfs_cut_short(path, canary):
    images.get("plain").squashfs(path)
    os.truncate(path, path.stat().st_size // 2)


def squashfs_of_garbage(path, canary):
    images.get("plain").squashfs(path)
    data = bytearray(path.read_bytes())
    for i in range(100, len(data), 37):
        data[i] ^= 0x5A
    path.write_bytes(data)


def squashfs_with_devices(path, canary):
    extra = [images.device("mem", "c", 1, 1), images.file("su", "x", 0o4755)]
    images.Image([images.Layer(images.busybox() + extra)]).squashfs(path)


def bomb_archive(path, canary):
    path.write_bytes(gzip.compress(bytes(64 << 20), 9, mtime=0) * 128)


SH = ("/bin/sh", "-c")
SHADOW = "/etc/shadow"
ALL_CAPS = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_SETUID"]
CAPS = {"bounding": ALL_CAPS, "effective": ALL_CAPS, "permitted": ALL_CAPS, "inheritable": ALL_CAPS}
WEAK = (*SH, "grep -E 'NoNewPrivs|CapEff' /proc/self/status | tr '\\n' ' '")
STRICT = "CapEff:\t0000000000000000 NoNewPrivs:\t1"
# name, maker, expected, command, output
BUNDLES = (
    ("hooks", hooks, "either", (*SH, "true"), None),
    (
        "a mount of what only root reads",
        mount(SHADOW, "/shadow"),
        "either",
        (*SH, "cat /shadow || echo closed"),
        "closed",
    ),
    ("a mount through a link", mount_through_link, "either", (*SH, "true"), None),
    ("a mount by dots", mount_on_canary_by_dots, "either", (*SH, "true"), None),
    (
        "a mount of the host's root",
        mount("/", "/host"),
        "either",
        (*SH, "echo x >/host/etc/hostile || head -c1 /host/etc/shadow || echo closed"),
        "closed",
    ),
    (
        "a mount of another's /proc",
        mount("/proc/1/root", "/one"),
        "either",
        (*SH, "ls /one/root || echo closed"),
        "closed",
    ),
    (
        "a mount of a device file system",
        mount("devtmpfs", "/d", type="devtmpfs"),
        "either",
        (*SH, "head -c1 /d/vda /d/mem 2>/dev/null || echo closed"),
        "closed",
    ),
    (
        "a mount of sysfs to write",
        mount("sysfs", "/s", type="sysfs", options=["rw"]),
        "either",
        (*SH, "echo 1 >/s/kernel/mm/ksm/run || echo closed"),
        "closed",
    ),
    ("all capabilities", made(process={"capabilities": CAPS}), "either", WEAK, STRICT),
    ("new privileges", made(process={"noNewPrivileges": False}), "either", WEAK, STRICT),
    (
        "a working directory by descriptor",
        made(process={"cwd": "/proc/self/fd/7"}),
        "either",
        (*SH, "cd ../../../../; touch etc/hostile; true"),
        None,
    ),
    (
        "a relative working directory",
        made(process={"cwd": "../../.."}),
        "either",
        (*SH, "true"),
        None,
    ),
    ("no arguments", made(process={"args": []}), "either", (*SH, "true"), None),
    ("arguments of wrong types", made(process={"args": {"a": 1}}), "either", (*SH, "true"), None),
    ("a kill score", made(process={"oomScoreAdj": -1000}), "either", (*SH, "true"), None),
    (
        "limits without end",
        made(process={"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 2**63, "soft": 2**63}]}),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "a security label",
        made(process={"selinuxLabel": "x", "apparmorProfile": "y"}),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "a foreign mount namespace",
        made(linux={"namespaces": [{"type": "mount", "path": "/proc/1/ns/mnt"}]}),
        "either",
        (*SH, "touch /etc/hostile; ls /root/.profile /usr/bin/gcc 2>/dev/null; true"),
        "",
    ),
    (
        "no namespaces",
        made(linux={"namespaces": []}),
        "either",
        (*SH, "touch /etc/hostile; true"),
        None,
    ),
    (
        "a map of the host's root",
        made(linux={"uidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}]}),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "device nodes",
        made(
            linux={
                "devices": [
                    {"path": "/dev/raw", "type": "b", "major": 254, "minor": 0, "fileMode": 438}
                ]
            }
        ),
        "either",
        (*SH, "head -c1 /dev/raw || echo closed"),
        "closed",
    ),
    (
        "kernel settings",
        made(linux={"sysctl": {"kernel.core_pattern": "|/bin/sh"}}),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "a cgroup path upward",
        made(linux={"cgroupsPath": "../../../.."}),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "shared propagation",
        made(linux={"rootfsPropagation": "shared"}),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "nothing masked",
        made(linux={"maskedPaths": [], "readonlyPaths": []}),
        "either",
        (*SH, "head -c1 /proc/kcore || echo closed"),
        "closed",
    ),
    (
        "a root outside",
        root_is("/"),
        "either",
        (*SH, "touch /etc/hostile || echo closed"),
        "closed",
    ),
    ("a root by dots", root_is("../" * 20 + "etc"), "either", (*SH, "true"), None),
    (
        "a root that is a link",
        rootfs_link,
        "either",
        (*SH, "touch /etc/hostile || echo closed"),
        "closed",
    ),
    ("a root that is a descriptor", root_is("/proc/self/fd/3"), "either", (*SH, "true"), None),
    ("no root", root_is("nowhere"), "refused", (*SH, "true"), None),
    ("/proc is a link in the root", link_in_rootfs("proc", None), "either", (*SH, "true"), None),
    ("/dev is a link in the root", link_in_rootfs("dev", None), "either", (*SH, "true"), None),
    (
        "/dev is a link upward in the root",
        link_in_rootfs("dev", "../" * 20 + "dev"),
        "either",
        (*SH, "true"),
        None,
    ),
    (
        "config.json is a link to a secret",
        config_is(lambda p, c: p.symlink_to(SHADOW)),
        "refused",
        (*SH, "true"),
        None,
    ),
    ("config.json is a fifo", config_is(lambda p, c: os.mkfifo(p)), "refused", (*SH, "true"), None),
    ("config.json is a folder", config_is(lambda p, c: p.mkdir()), "refused", (*SH, "true"), None),
    (
        "config.json is endless",
        config_is(lambda p, c: p.symlink_to("/dev/zero")),
        "refused",
        (*SH, "true"),
        None,
    ),
    (
        "config.json of 64 MB",
        config_is(lambda p, c: p.write_text(" " * (64 << 20) + "{}")),
        "refused",
        (*SH, "true"),
        None,
    ),
    (
        "config.json nested without end",
        config_is(lambda p, c: p.write_text("[" * 1000000)),
        "refused",
        (*SH, "true"),
        None,
    ),
    ("config.json of a future version", made(ociVersion="99.0.0"), "either", (*SH, "true"), None),
)
# The same of --container-image=PATH.
PATHS = (
    ("archive: layers by dots", archive(Layers=["../" * 20 + "etc/passwd"]), "refused"),
    ("archive: configuration by dots", archive(Config="../" * 20 + "etc/passwd"), "refused"),
    ("archive: a layer is a link", archive(images.symlink("layer.tar", SHADOW)), "refused"),
    (
        "archive: the manifest is a link",
        archive(images.symlink("manifest.json", SHADOW)),
        "refused",
    ),
    ("archive: fields of wrong types", archive(Layers={"a": 1}, Config=7), "refused"),
    ("archive: a bomb", bomb_archive, "refused"),
    ("layout: an index of indexes", layout_with(index_of_itself), "refused"),
    ("layout: blobs are links to a secret", layout_with(blobs_are_links), "refused"),
    ("layout: blobs are fifos", layout_with(blob_is_fifo), "refused"),
    ("layout: the index is a fifo", layout_with(index_is_fifo), "refused"),
    ("squashfs: cut short", squashfs_cut_short, "refused"),
    ("squashfs: garbage within", squashfs_of_garbage, "either"),
    ("squashfs: devices and setuid", squashfs_with_devices, "either"),
    ("a fifo", lambda p, c: os.mkfifo(p), "refused"),
    ("a link to a secret", lambda p, c: p.symlink_to(SHADOW), "refused"),
    ("a link to /dev/zero", lambda p, c: p.symlink_to("/dev/zero"), "refused"),
    ("an empty file", lambda p, c: p.touch(), "refused"),
    ("an empty folder", lambda p, c: p.mkdir(), "refused"),
    ("a folder that is a link to itself", lambda p, c: p.symlink_to(p), "refused"),
    ("the root folder", lambda p, c: p.symlink_to("/"), "refused"),
)
