"""Container images for the tests, made of Debian's files without any container tool.

An Image is layers of tar entries and a configuration; it can be written as an OCI layout, as a
docker-archive, as a squashfs file, or pushed to a registry (registry.py). Every byte is decided
here: times are 0, owners root, so equal content has equal digests. Nothing is checked on the way:
hostile_images.py makes broken and evil images of the same parts.

Named images (`get`): `box` (busybox in three layers with whiteouts, environment, entry point and
working directory), `plain` (busybox alone), `ompi` and `mpich` (Debian's libraries as they are
installed here, with the ring program), `ompi-other` (Open MPI and PMIx of another Debian release,
fetched by apt: not the host's). They are built in a second or some and kept below build/test-images
by a hash of what they are made of.
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
CACHE = BUILD / "test-images"
RING = ROOT / "scripts" / "demo-jobs" / "ring.c"
OTHER_SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OCI = "application/vnd.oci.image."


class Unavailable(Exception):
    """What an image is made of can't be had here (no network, a package that isn't installed)."""


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- entries of a layer: (TarInfo, bytes) ------------------------------------------------------


def entry(path, kind, mode, data=b"", **fields):
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size = kind, mode, len(data)
    for name, value in fields.items():
        setattr(info, name, value)
    return info, data


def file(path, data=b"", mode=0o644, **fields):
    content = data.encode() if isinstance(data, str) else data
    return entry(path, tarfile.REGTYPE, mode, content, **fields)


def folder(path, mode=0o755, **fields):
    return entry(path, tarfile.DIRTYPE, mode, **fields)


def symlink(path, target, **fields):
    return entry(path, tarfile.SYMTYPE, 0o777, linkname=target, **fields)


def hardlink(path, target, **fields):
    return entry(path, tarfile.LNKTYPE, 0o644, linkname=target, **fields)


def fifo(path):
    return entry(path, tarfile.FIFOTYPE, 0o666)


def device(path, kind, major, minor, mode=0o666):
    type_ = {"c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE}[kind]
    return entry(path, type_, mode, devmajor=major, devminor=minor)


def whiteout(path):
    where, _, name = path.rpartition("/")
    return file(f"{where}/.wh.{name}" if where else f".wh.{name}")


def opaque(path):
    return file(f"{path}/.wh..wh..opq")


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layer:
    """One layer: what travels (`blob`), its media type, and the digest of the plain tar."""

    def __init__(self, entries=(), plain=None, compress=True):
        self.plain = tar(entries) if plain is None else plain
        self.diff_id = sha256(self.plain)
        self.blob = gzip.compress(self.plain, 1, mtime=0) if compress else self.plain
        self.media = OCI + "layer.v1.tar" + ("+gzip" if compress else "")


def descriptor(media, blob, **more):
    return {"mediaType": media, "digest": sha256(blob), "size": len(blob), **more}


class Image:
    """Layers, and a configuration in OCI's words (Env, Entrypoint, Cmd, WorkingDir, User)."""

    def __init__(self, layers, architecture=MACHINE, config=None):
        self.layers = list(layers)
        self.architecture = architecture
        self.config = config or {}
        self.extra = {}  # further fields of the configuration, for odd images
        self.change = None  # called with the manifest as a dict before it is written
        self.seal()

    def seal(self):
        """Computes configuration and manifest; again after a change by hand."""
        body = {
            "architecture": self.architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
            **self.extra,
        }
        self.config_blob = json.dumps(body).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI + "manifest.v1+json",
            "config": descriptor(OCI + "config.v1+json", self.config_blob),
            "layers": [descriptor(layer.media, layer.blob) for layer in self.layers],
        }
        if self.change:
            self.change(manifest)
        self.manifest = json.dumps(manifest).encode()
        return self

    @property
    def digest(self):
        return sha256(self.manifest)

    def blobs(self):
        """{digest: bytes} of everything beside the manifest."""
        found = {sha256(self.config_blob): self.config_blob}
        found.update((sha256(layer.blob), layer.blob) for layer in self.layers)
        return found

    def layout(self, where, tag="latest"):
        """Writes an OCI layout; returns its path."""
        where = pathlib.Path(where)
        blobs = where / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for digest, data in {**self.blobs(), self.digest: self.manifest}.items():
            (blobs / digest.split(":")[1]).write_bytes(data)
        (where / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        annotations = {"org.opencontainers.image.ref.name": tag}
        named = descriptor(OCI + "manifest.v1+json", self.manifest, annotations=annotations)
        index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [named]}
        (where / "index.json").write_text(json.dumps(index))
        return where

    def docker_archive(self, path, name="test/image:latest"):
        """Writes what `docker save` writes; returns the path."""
        files = [file(f"{sha256(self.config_blob)[7:]}.json", self.config_blob)]
        names = []
        for layer in self.layers:
            names.append(layer.diff_id[7:] + "/layer.tar")
            files.append(file(names[-1], layer.plain))
        about = [{"Config": files[0][0].name, "RepoTags": [name], "Layers": names}]
        files.append(file("manifest.json", json.dumps(about)))
        pathlib.Path(path).write_bytes(tar(files))
        return pathlib.Path(path)

    def squashfs(self, path):
        """Writes the layers, laid over each other, as a squashfs file; returns the path."""
        subprocess.run(
            ["mksquashfs", "-", str(path), "-tar", "-noappend", "-no-progress", "-quiet"],
            input=tar(flatten(self.layers)),
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        return pathlib.Path(path)


def flatten(layers):
    """The entries that remain when later layers cover earlier ones."""
    left = {}
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer.plain)) as archive:
            members = [(m, archive.extractfile(m).read() if m.isreg() else b"") for m in archive]
        for info, _ in members:
            where, _, name = info.name.rpartition("/")
            if name == ".wh..wh..opq":
                left = {path: e for path, e in left.items() if not path.startswith(where + "/")}
            elif name.startswith(".wh."):
                gone = f"{where}/{name[4:]}".lstrip("/")
                left = {p: e for p, e in left.items() if p != gone and not p.startswith(gone + "/")}
        for info, data in members:
            if not info.name.rpartition("/")[2].startswith(".wh."):
                left[info.name] = (info, data)
    return left.values()


def load(layout):
    """An Image from an OCI layout that this module wrote."""
    blobs = layout / "blobs" / "sha256"
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    body = json.loads((blobs / manifest["config"]["digest"][7:]).read_bytes())
    layers = []
    for described in manifest["layers"]:
        blob = (blobs / described["digest"][7:]).read_bytes()
        layer = Layer.__new__(Layer)
        layer.blob, layer.media = blob, described["mediaType"]
        layer.plain = gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
        layer.diff_id = sha256(layer.plain)
        layers.append(layer)
    return Image(layers, body["architecture"], body["config"])


# ---- the named images --------------------------------------------------------------------------

FOLDERS = (
    "bin",
    "etc",
    "proc",
    "sys",
    "dev",
    "root",
    "home",
    "usr/bin",
    "usr/local/bin",
    "var/tmp",
)
PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\nboxer:x:4242:4242::/:/bin/sh\n"
)
ENTRY = '#!/bin/sh\necho "entry: $*"\nshift\nexec "$@"\n'
PATH = "PATH=/usr/local/bin:/usr/bin:/bin"


def busybox():
    """Entries of a root with busybox and all its commands."""
    program = shutil.which("busybox")
    if not program:
        raise Unavailable("busybox-static is not installed")
    linked = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    if "NEEDED" in linked.stdout:
        raise Unavailable("busybox is not the static one")
    words = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout
    entries = [folder(name) for name in ("usr", "usr/local", "var", *FOLDERS)]
    entries += [folder("tmp", 0o1777), file("etc/passwd", PASSWD)]
    entries += [file("etc/group", "root:x:0:\ndaemon:x:1:\nboxer:x:4242:\n")]
    entries += [file("bin/busybox", pathlib.Path(program).read_bytes(), 0o755)]
    entries += [symlink(f"bin/{word}", "busybox") for word in words.split() if word != "busybox"]
    return entries


def make_plain():
    entries = busybox() + [file("etc/os-release", "ID=plain\n")]
    return Image([Layer(entries)], config={"Env": [PATH], "Cmd": ["/bin/sh"]})


def make_box():
    program = pathlib.Path(shutil.which("busybox") or "/").read_bytes
    base = busybox() + [
        file("etc/os-release", "ID=box\n"),
        folder("data"),
        file("data/kept", "from layer 1\n"),
        file("data/removed", "should not be seen\n"),
        file("data/replaced", "layer 1\n"),
        folder("data/opaque"),
        file("data/opaque/old", "should not be seen\n"),
        folder("data/turned"),
        file("data/turned/inner", "should not be seen\n"),
    ]
    middle = [
        whiteout("data/removed"),
        file("data/replaced", "layer 2\n"),
        folder("data/opaque"),
        opaque("data/opaque"),
        file("data/opaque/new", "from layer 2\n"),
        whiteout("data/turned"),
        file("data/turned", "a file now\n"),
        folder("open", 0o777),
    ]
    top = [
        folder("app"),
        file("app/here", "the workdir\n"),
        file("usr/local/bin/entry", ENTRY, 0o755),
        file("usr/local/bin/busybox-setuid", program(), 0o4755),
        file("data/private", "0600 of root\n", 0o600),
        file("data/boxers", "of uid 4242\n", 0o640, uid=4242, gid=4242),
        hardlink("data/linked", "app/here"),
    ]
    config = {
        "Env": [PATH, "IMAGE_VAR=from the image", "SHARED_VAR=image", "HOME=/root"],
        "Entrypoint": ["/usr/local/bin/entry", "first"],
        "Cmd": ["sh"],
        "WorkingDir": "/app",
        "User": "daemon",
    }
    return Image([Layer(base), Layer(middle), Layer(top, compress=False)], config=config)


def needed(files):
    """Names of the libraries that these ELF files ask for."""
    found = set()
    for i in range(0, len(files), 100):
        words = ["readelf", "-d", *map(str, files[i : i + 100])]
        out = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stdout
        found |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", out))
    return found


def with_libraries(root, files, folders):
    """`files` (below `root`) and every library that they need, directly or not."""
    known, fresh, names = set(), list(files), set()
    while fresh:
        known |= set(fresh)
        wanted = needed(fresh) - names
        names |= wanted
        paths = [next((f / n for f in folders if (f / n).exists()), None) for n in sorted(wanted)]
        missing = [name for name, path in zip(sorted(wanted), paths) if path is None]
        if missing:
            raise Unavailable(f"libraries {', '.join(missing)} are not below {root}")
        fresh = [path for path in paths if path not in known]
    return sorted(known)


# Plugins for fabrics that no test machine has; they draw in hundreds of megabytes.
SKIPPED = re.compile(r"ofi|ucx|psm|verbs|openib|usnic|rdma|munge|_tm|loadl|lsf|spml|memheap|sshmem")


def plugins(where):
    return [p for p in sorted(where.rglob("*.so")) if not SKIPPED.search(p.name)]


def mpi_image(root, ring, env, extra_folders=(), texts=()):
    """An image with the ring program, the libraries and plugins below `root`, and busybox."""
    triple = f"{os.uname().machine}-linux-gnu"
    lib = root / "usr/lib" / triple
    folders = [lib, *(f for f in extra_folders if f.is_dir())]
    found = [p for f in extra_folders if f.is_dir() for p in plugins(f)]
    closure = with_libraries(root, [ring, *found], folders)
    interpreter = root / (
        "lib64/ld-linux-x86-64.so.2" if MACHINE == "amd64" else "lib/ld-linux-aarch64.so.1"
    )
    entries = [file("usr/bin/ring", ring.read_bytes(), 0o755)]
    made = set()

    def add(path, data, mode):
        for parent in reversed(pathlib.Path(path).parents[:-1]):
            if str(parent) not in made:
                made.add(str(parent))
                entries.append(folder(str(parent)))
        entries.append(file(path, data, mode))

    for path in closure:
        if path != ring:
            add(str(path.relative_to(root)), path.resolve().read_bytes(), 0o644)
    loader = interpreter.resolve() if interpreter.exists() else lib / interpreter.name
    add(str(interpreter.relative_to(root)), loader.read_bytes(), 0o755)
    for folder_ in texts:
        for path in sorted((root / folder_).rglob("*")):
            if path.is_file():
                add(str(path.relative_to(root)), path.read_bytes(), 0o644)
    entries += [symlink("lib", "usr/lib")] if not any(i.name == "lib" for i, _ in entries) else []
    return Image([Layer(busybox()), Layer(entries)], config={"Env": [PATH, *env]})


# By files in /dev/shm, which the nodes of a test share: with UCX over TCP alone MPI_Finalize hangs
# now and then (Debian 12), with or without containers.
UCX = ["UCX_TLS=tcp,self,posix", "UCX_POSIX_USE_PROC_LINK=n"]
TCP = ["OMPI_MCA_pml=ob1", "OMPI_MCA_btl=self,tcp", "OMPI_MCA_btl_tcp_if_include=lo"]


def compile_ring(compiler, work, *flags):
    if not shutil.which(compiler):
        raise Unavailable(f"{compiler} is not installed")
    path = pathlib.Path(work) / "ring"
    subprocess.run([compiler, "-O1", "-o", path, RING, *flags], check=True, timeout=60)
    return path


def make_ompi():
    with tempfile.TemporaryDirectory() as work:
        ring = compile_ring("mpicc.openmpi", work)
        lib = pathlib.Path(f"/usr/lib/{os.uname().machine}-linux-gnu")
        folders = (lib / "openmpi/lib", lib / "openmpi/lib/openmpi3", lib / "pmix2/lib")
        folders += (lib / "pmix2/lib/pmix",)
        return mpi_image(pathlib.Path("/"), ring, TCP, folders, ["usr/share/openmpi"])


def make_mpich():
    with tempfile.TemporaryDirectory() as work:
        ring = compile_ring("mpicc.mpich", work)
        return mpi_image(pathlib.Path("/"), ring, UCX)


def make_ompi_other():
    """Open MPI and PMIx of another Debian release than this machine's."""
    if not shutil.which("mmdebstrap"):
        raise Unavailable("mmdebstrap is not installed")
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        root = pathlib.Path(work) / "root"
        words = ["mmdebstrap", "--quiet", "--variant=extract", "--include=libopenmpi-dev"]
        words += ["--mode=root" if os.geteuid() == 0 else "--mode=unshare"]
        done = subprocess.run(
            [*words, OTHER_SUITE, root, MIRROR],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0:
            raise Unavailable(f"Debian {OTHER_SUITE}: {done.stderr.strip()[-300:]}")
        lib = root / f"usr/lib/{os.uname().machine}-linux-gnu"
        flags = [f"-I{lib}/openmpi/include", f"{lib}/libmpi.so.40"]
        ring = compile_ring("gcc", work, *flags, "-Wl,--allow-shlib-undefined")
        folders = tuple(lib / f for f in ("openmpi/lib", "openmpi/lib/openmpi3", "pmix2/lib"))
        folders += (lib / "pmix2/lib/pmix",)
        return mpi_image(root, ring, TCP, folders, ["usr/share/openmpi", "usr/share/pmix"])


MAKERS = {
    "plain": make_plain,
    "box": make_box,
    "ompi": make_ompi,
    "mpich": make_mpich,
    "ompi-other": make_ompi_other,
}


def recipe():
    """A hash of all that decides what the named images hold."""
    packages = ["busybox-static", "libopenmpi3", "libpmix2", "libmpich12", "libc6", "libucx0"]
    words = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages]
    versions = subprocess.run(words, capture_output=True, check=False).stdout
    return hashlib.sha256(
        versions + RING.read_bytes() + pathlib.Path(__file__).read_bytes()
    ).hexdigest()


def get(name):
    """The named image, built if it isn't there yet; Unavailable says why it can't be."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / f"{name}-{recipe()[:16]}"
    if kept.exists():
        return load(kept)
    image = MAKERS[name]()
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        made = image.layout(pathlib.Path(work) / "layout")
        try:
            made.rename(kept)
        except OSError:  # somebody else was faster
            pass
    for old in CACHE.glob(f"{name}-" + "[0-9a-f]" * 16):
        if old != kept:
            shutil.rmtree(old, ignore_errors=True)
    return image
