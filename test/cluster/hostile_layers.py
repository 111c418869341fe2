"""Images that somebody made to do harm: the table of hostile_images.py, one row each.

A row is made by a function that gets the canary (a folder outside of any container which the job's
user may write to: nothing of an image may ever end up there) and returns an images.Image, or a
function that writes something else than a proper image to a path. What is expected: `refused` (the
step fails and says why), `runs` (the command's output is the given text), or `either` (nothing but
the host's integrity is demanded).
"""
import gzip
import json
import os
import tarfile

import images
from container_cluster import USER
from images import Image, Layer, device, fifo, file, folder, hardlink, opaque, symlink, whiteout

ROOT = "/" + "../" * 20  # where relative paths end up, from any depth
_base = []


def base():
    if not _base:
        _base.append(Layer(images.busybox()))
    return _base[0]


def boxed(*entries, config=None, layers=()):
    """Busybox, and a layer with these entries."""
    return Image([base(), *layers, Layer(entries)], config={"Env": [images.PATH], **(config or {})})


def plain(data, compress=True):
    """Busybox, and a layer of these bytes in place of a tar."""
    layer = Layer(plain=data)
    layer.blob = gzip.compress(data, 1, mtime=0) if compress else data
    return Image([base(), layer], config={"Env": [images.PATH]})


def xattr(path, **values):
    pairs = {"SCHILY.xattr." + name.replace("__", "."): value for name, value in values.items()}
    return file(path, "x", pax_headers=pairs)


def with_manifest(change):
    image = boxed(file("etc/x", "x"))
    image.change = change
    return image.seal()


def with_config(**extra):
    image = boxed(file("etc/x", "x"))
    image.extra = extra
    return image.seal()


def with_config_blob(blob):
    image = boxed(file("etc/x", "x"))
    good = image.digest
    image.config_blob = blob
    manifest = json.loads(image.manifest)
    manifest["config"] = images.descriptor(images.OCI + "config.v1+json", blob)
    image.manifest = json.dumps(manifest).encode()
    assert image.digest != good
    return image


def lying_blob(which):
    """A blob of the layout isn't what its digest says."""

    def write(path, canary):
        image = boxed(file("etc/x", f"the original {which}"))
        image.layout(path)
        blob = {"layer": image.layers[1].blob, "config": image.config_blob}.get(which)
        digest = images.sha256(blob) if blob else image.digest
        where = path / "blobs" / "sha256" / digest[7:]
        if which == "layer":
            where.write_bytes(Layer([file("etc/x", "another")]).blob)
        else:
            where.write_bytes(where.read_bytes().replace(b"linux", b"plan9") + b" ")

    return write


def change_layer(key, value):
    def change(manifest):
        manifest["layers"][1][key] = value

    return with_manifest(change)


def bomb_header(name, size):
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT if size < 8 << 30 else tarfile.GNU_FORMAT)


def zip_bomb(canary):
    """Twelve gigabytes of zeros in twelve megabytes."""
    chunk = gzip.compress(bytes(64 << 20), 9, mtime=0)
    image = boxed(file("etc/x", "x"))
    image.layers[1].blob = gzip.compress(bomb_header("bomb", 12 << 30), mtime=0) + chunk * 192
    return image.seal()


def false_sizes(canary):
    """A file's header promises a terabyte; the tar ends."""
    return plain(bomb_header("bomb", 1 << 40) + bytes(10240))


def sparse_bomb(canary):
    """GNU's old sparse format: eight exabytes minus one, of nothing."""
    info = tarfile.TarInfo("sparse")
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[156:157] = b"S"
    head[386:398] = head[398:410] = b"0" * 11 + b"\0"
    head[483:495] = b"\x80" + (8 << 60).to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return plain(bytes(head) + bytes(10240))


def pax_size(canary):
    """A pax record with a negative size."""
    return boxed(file("etc/x", "x", pax_headers={"size": "-9223372036854775808"}))


def many_layers(canary):
    layers = [Layer([file(f"many/{i}", str(i))], compress=False) for i in range(600)]
    return boxed(file("etc/x", "x"), layers=layers)


def same_layer_again(canary):
    again = Layer([file("etc/again", "again")])
    return Image([base(), again, base(), again, again], config={"Env": [images.PATH]})


def deep(canary):
    path, entries = "d", []
    for _ in range(900):
        entries.append(folder(path))
        path += "/d"
    return boxed(*entries)


def closed_folders(canary):
    """Folders that their owner may not enter must still be removed in the end."""
    return boxed(folder("shut"), file("shut/in", "x"), folder("shut/deep", 0), folder("shut", 0))


def through(canary, *entries, link="evil"):
    return boxed(symlink(link, str(canary)), *entries)


def two_layers(canary):
    first = Layer([symlink("evil", str(canary))])
    return Image([base(), first, Layer([file("evil/pwned", "x")])], config={"Env": [images.PATH]})


def relative_link(canary):
    return boxed(symlink("evil", ROOT[1:] + str(canary)[1:]), file("evil/pwned", "x"))


def folder_turned_link(canary):
    return boxed(folder("d"), symlink("d", str(canary)), file("d/pwned", "x"))


def hard_through_link(canary):
    secret = symlink("soft", f"{canary}/secret")
    return boxed(secret, hardlink("hard", "soft"), file("hard", "overwritten"))


def hard_then_write(canary):
    return boxed(hardlink("hard", f"{canary}/secret"), file("hard", "overwritten"))


def hard_dots(canary):
    return boxed(hardlink("hard", ROOT[1:] + f"{canary}/secret"), file("hard", "overwritten"))


SH = ("sh", "-c")
# name, maker, expected, command, output
IMAGES = (
    ("absolute path", lambda c: boxed(file(f"{c}/pwned")), "either"),
    ("dots upward", lambda c: boxed(file(ROOT[1:] + f"{c}/pwned")), "either"),
    ("dots in the middle", lambda c: boxed(file(f"a/b/../{ROOT}{c}/pwned")), "either"),
    ("a file through a link", lambda c: through(c, file("evil/pwned", "x")), "either"),
    ("a folder through a link", lambda c: through(c, folder("evil/pwned")), "either"),
    ("mode through a link", lambda c: through(c, folder("evil", 0o700)), "either"),
    ("a link through a link", lambda c: through(c, symlink("evil/pwned", "/etc")), "either"),
    ("a fifo through a link", lambda c: through(c, fifo("evil/pwned")), "either"),
    ("through a link of a lower layer", two_layers, "either"),
    ("through a relative link", relative_link, "either"),
    ("a folder becomes a link", folder_turned_link, "either"),
    ("a hard link out, then written", hard_then_write, "either"),
    ("a hard link by dots", hard_dots, "either"),
    ("a hard link to a link out", hard_through_link, "either"),
    (
        "links in a circle",
        lambda c: boxed(symlink("a", "b"), symlink("b", "a"), file("a/x")),
        "either",
    ),
    ("whiteout of ..", lambda c: boxed(file("data/.wh...")), "either"),
    ("whiteout of .", lambda c: boxed(file("data/.wh..")), "either"),
    ("whiteout of nothing", lambda c: boxed(file("data/.wh.")), "either"),
    ("whiteout through a link", lambda c: through(c, whiteout("evil/secret")), "either"),
    ("opaque through a link", lambda c: through(c, opaque("evil")), "either"),
    ("whiteout by dots", lambda c: boxed(whiteout(f"{ROOT[1:]}{c}/secret")), "either"),
    ("whiteout of the root", lambda c: boxed(opaque(".")), "either"),
    ("overlay's own whiteout", lambda c: boxed(device("etc/passwd", "c", 0, 0)), "either"),
    ("overlay's redirect", lambda c: boxed(xattr("r", user__overlay__redirect=str(c))), "either"),
    ("overlay's metacopy", lambda c: boxed(xattr("m", user__overlay__metacopy="")), "either"),
    ("trusted xattrs", lambda c: boxed(xattr("t", trusted__overlay__opaque="y")), "either"),
    (
        "a device node",
        lambda c: boxed(device("mem", "c", 1, 1), device("sda", "b", 8, 0)),
        "either",
        (*SH, "head -c1 /mem || head -c1 /sda || echo closed"),
        "closed",
    ),
    (
        "setuid",
        lambda c: boxed(file("bin/busybox-su", base_program(), 0o6755)),
        "runs",
        (*SH, "/bin/busybox-su id -u; grep NoNewPrivs /proc/self/status"),
        f"{USER}\nNoNewPrivs:\t1",
    ),
    (
        "capabilities in xattrs",
        lambda c: boxed(xattr("bin/cap", security__capability="\1\0\0\2\xff\xff\xff\xff\0\0\0\0")),
        "either",
    ),
    ("a fifo as the shell", lambda c: boxed(whiteout("bin/sh"), fifo("bin/sh")), "either"),
    ("names with control characters", lambda c: boxed(file("etc/a\n\x1b[2Jb\r", "x")), "either"),
    ("names that are no UTF-8", lambda c: boxed(file("etc/\udcff\udcfe", "x")), "either"),
    ("a name too long for a file", lambda c: boxed(file("n" * 300)), "either"),
    ("a path too long", lambda c: boxed(file("/".join(["p" * 100] * 60))), "either"),
    ("900 folders deep", deep, "either"),
    ("folders shut to their owner", closed_folders, "either"),
    ("owners without end", lambda c: boxed(file("o", uid=2**31 - 2, gid=2**32 - 2)), "either"),
    ("12 GB of zeros in 12 MB", zip_bomb, "refused"),
    ("a terabyte promised", false_sizes, "refused"),
    ("a sparse file of exabytes", sparse_bomb, "either"),
    ("a negative size", pax_size, "either"),
    ("600 layers", many_layers, "either"),
    ("one layer many times", same_layer_again, "runs", ("cat", "/etc/again"), "again"),
    ("a layer that is no tar", lambda c: plain(os.urandom(4096)), "refused"),
    ("a layer cut short", lambda c: cut_short(), "refused"),
    (
        "a layer that is no gzip",
        lambda c: plain(b"\x1f\x8b" + bytes(100), compress=False),
        "refused",
    ),
    ("a layer of another digest", lying_blob("layer"), "refused"),
    ("a configuration of another digest", lying_blob("config"), "refused"),
    ("a manifest of another digest", lying_blob("manifest"), "refused"),
    ("a false diff id", lambda c: false_diff_id(), "refused"),
    ("a digest with dots", lambda c: change_layer("digest", f"sha256:{ROOT}{c}/secret"), "refused"),
    ("a digest of md5", lambda c: change_layer("digest", "md5:" + "0" * 32), "refused"),
    ("a negative layer size", lambda c: change_layer("size", -1), "refused"),
    ("a foreign layer", lambda c: change_layer("urls", ["http://127.0.0.1:1/"]), "either"),
    ("an unknown media type", lambda c: change_layer("mediaType", "text/html"), "either"),
    ("a configuration of 64 MB", lambda c: with_config(pad="x" * (64 << 20)), "refused"),
    ("JSON without end", lambda c: with_config_blob(b"[" * 1000000), "refused"),
    ("a configuration that is a number", lambda c: with_config_blob(b"1"), "refused"),
    (
        "fewer diff ids than layers",
        lambda c: with_config(rootfs={"type": "layers", "diff_ids": [base().diff_id]}),
        "refused",
    ),
    ("another machine's", lambda c: Image([base()], architecture="s390x"), "refused"),
    (
        "workdir is a descriptor",
        lambda c: boxed(config={"WorkingDir": "/proc/self/fd/7"}),
        "either",
        (*SH, "cd ../../../../..; ls -d ./*/canary; pwd; true"),
        None,
    ),
    (
        "workdir out by a descriptor",
        lambda c: boxed(config={"WorkingDir": "/proc/self/fd/8/../../../../../../.."}),
        "either",
    ),
    (
        "workdir by the root of process 1",
        lambda c: boxed(symlink("w", "/proc/1/root"), config={"WorkingDir": f"/w{c}"}),
        "either",
        (*SH, "touch pwned; true"),
        None,
    ),
    (
        "the shell is /proc/self/exe",
        lambda c: boxed(whiteout("bin/sh"), symlink("bin/sh", "/proc/self/exe")),
        "either",
    ),
    ("/proc is a link", lambda c: boxed(whiteout("proc"), symlink("proc", str(c))), "either"),
    ("/dev is a link", lambda c: boxed(whiteout("dev"), symlink("dev", str(c))), "either"),
    (
        "/dev is a link upward",
        lambda c: boxed(whiteout("dev"), symlink("dev", ROOT[1:] + "dev")),
        "either",
        (*SH, "ls /dev"),
        None,
    ),
    ("/sys is a link", lambda c: boxed(whiteout("sys"), symlink("sys", str(c))), "either"),
    (
        "/dev/shm is a link",
        lambda c: boxed(symlink("dev/shm", str(c))),
        "either",
        (*SH, "touch /dev/shm/pwned"),
        None,
    ),
    ("/etc is a link", lambda c: boxed(whiteout("etc"), symlink("etc", str(c))), "either"),
    (
        "/etc/passwd is a link",
        lambda c: boxed(symlink("etc/passwd", f"{c}/secret")),
        "either",
        (*SH, "echo x >>/etc/passwd; true"),
        None,
    ),
    (
        "/etc/resolv.conf is a link",
        lambda c: boxed(symlink("etc/resolv.conf", f"{c}/secret")),
        "either",
        (*SH, "echo x >>/etc/resolv.conf; true"),
        None,
    ),
    ("/tmp is a link", lambda c: boxed(whiteout("tmp"), symlink("tmp", str(c))), "either"),
    (
        "the scheduler's variables",
        lambda c: boxed(
            config={"Env": [images.PATH, "SLURM_JOB_ID=1", "SLURM_PROCID=77", "PMI_FD=3"]}
        ),
        "runs",
        (*SH, "echo $SLURM_PROCID $PMI_FD"),
        "0",
    ),
    (
        "variables that are none",
        lambda c: boxed(
            config={"Env": [images.PATH, "novalue", "=x", "a b=c", "N=1\nLD_PRELOAD=/x"]}
        ),
        "either",
    ),
    (
        "a preloaded library",
        lambda c: boxed(file("evil.so", "x"), config={"Env": [images.PATH, "LD_PRELOAD=/evil.so"]}),
        "either",
    ),
    (
        "a user of the image",
        lambda c: boxed(config={"User": "root"}),
        "runs",
        ("id", "-u"),
        str(USER),
    ),
    (
        "configuration of wrong types",
        lambda c: boxed(config={"Env": {"a": 1}, "Entrypoint": 5, "WorkingDir": ["/"]}),
        "either",
    ),
)


def base_program():
    return next(data for info, data in images.busybox() if info.name == "bin/busybox")


def cut_short():
    image = boxed(file("etc/x", os.urandom(100000)))
    image.layers[1].blob = image.layers[1].blob[:50000]
    return image.seal()


def false_diff_id():
    image = boxed(file("etc/x", "x"))
    image.layers[1].diff_id = "sha256:" + "0" * 64
    return image.seal()
