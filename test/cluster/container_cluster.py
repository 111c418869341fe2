"""What the container tests share: a cluster whose nodes run containers, a registry beside it, the
user that they act as, and the look at what is left afterwards.
"""
import os
import pathlib
import pwd
import shutil

import harness
from harness import Cluster, check, wait_for
from registry import Registry, free_port

# An ordinary user whose home exists on every Debian; root where the test itself is no root.
USER = pwd.getpwnam("backup").pw_uid if os.geteuid() == 0 else os.geteuid()
AS_USER = USER if os.geteuid() == 0 else None
OTHER = pwd.getpwnam("nobody").pw_uid
RUNTIMES = ("crun", "runc")

CONFIG = """cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
return_to_service: 2
nodes:
  - node_name: n[1-{nodes}]
    node_addr: 127.0.0.1
    cpus: {cpus}
    real_memory: 4096
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
"""


def runtime_missing():
    """Why no container can be had on this machine; empty if one can."""
    wanted = {
        "skopeo": "skopeo",
        "mksquashfs": "squashfs-tools",
        "docker-registry": "docker-registry",
    }
    for program, package in wanted.items():
        if not shutil.which(program):
            return f"{package} is not installed"
    if not any(shutil.which(runtime) for runtime in RUNTIMES):
        return "neither crun nor runc is installed"
    return ""


def config(nodes=2, cpus=4, registries=(), **keys):
    """sluice.yaml; `keys` are further lines of it."""
    text = CONFIG.format(nodes=nodes, cpus=cpus)
    if registries:
        keys.setdefault("insecure_registries", ",".join(registries))
    return text + "".join(f"{name}: {value}\n" for name, value in keys.items())


class Place:
    """A registry and a cluster that pulls from it; `open`, a folder that the user may write to and
    that is the user's HOME; `ports`, for registries and proxies that the cluster trusts as well.
    """

    def __init__(self, nodes=2, cpus=4, ports=0, hosts=(), **keys):
        self.make = (nodes, cpus, hosts, keys)
        self.ports = [free_port() for _ in range(ports)]

    def __enter__(self):
        nodes, cpus, hosts, keys = self.make
        base = os.environ.get("SLUICE_TEST_TMP", "/var/tmp")
        self.folder = pathlib.Path(harness.tempfile.mkdtemp(prefix="sluice-boxes.", dir=base))
        self.folder.chmod(0o755)
        self.open = self.folder / "open"
        self.open.mkdir()
        if os.geteuid() == 0:
            os.chown(self.open, USER, USER)
        self.registry = Registry(self.folder / "registry")
        self.cluster = None
        try:
            self.registry.start()
            names = (self.registry.host, *hosts, *(f"127.0.0.1:{p}" for p in self.ports))
            self.cluster = Cluster(config=config(nodes, cpus, names, **keys)).__enter__()
            # Not root's, which sudo would leave there.
            self.cluster.environment.update(HOME=str(self.open), USER=pwd.getpwuid(USER).pw_name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.cluster:
            self.cluster.close()
        self.registry.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def image(self, name, tag="latest"):
        return f"{self.registry.host}#{name}:{tag}"

    def srun(self, image, *command, options=(), user=AS_USER, **more):
        """srun in a container of the image; `image` None: the options say what container."""
        words = ["srun", "--mem=100M", *options]
        if image is not None:
            words.append(f"--container-image={image}")
        return self.cluster.run(*words, *command, user=user, **more)

    def inside(self, image, script, *options, **more):
        """Output of a shell script in the container."""
        done = self.srun(image, "sh", "-c", script, options=options, **more)
        check(done.returncode == 0, f"{options} {script!r}: {done.returncode} {done.stderr}")
        return done.stdout

    def refused(self, image, *options, says=(), command=("true",), **more):
        """The step fails and its message has one of the words."""
        done = self.srun(image, *command, options=options, **more)
        check(done.returncode != 0, f"{image} {options} ran: {done.stdout}")
        said = done.stderr
        check("error:" in said, f"{image} {options} fails without a reason: {said!r}")
        check(not says or any(word in said for word in says), f"{image} {options}: {said!r}")
        return said

    def settled(self):
        """Nothing of the jobs is left: process, mount, folder, control group."""
        cluster = self.cluster
        wait_for(lambda: not cluster.must("squeue", "-h").strip(), 30, "the end of the jobs")
        wait_for(lambda: not self.processes(), 10, f"the end of {self.processes()}")
        wait_for(lambda: not self.mounts(), 10, f"that {self.mounts()} is unmounted")
        wait_for(lambda: not self.scratch(), 10, f"that {self.scratch()} is removed")

    def processes(self):
        """But for the nodes' own, from which supervisors are forked."""
        return [p for p in self.cluster.leftovers() if "--nursery" not in p[1]]

    def mounts(self):
        lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
        return [line for line in lines if str(self.cluster.work) in line]

    def scratch(self):
        """What lies in the folders of steps and jobs, and half done in the users' image folders."""
        nodes = self.cluster.dir / "nodes"
        found = [
            *nodes.glob("*/spool/images/*/tmp/*"),
            *nodes.glob("*/spool/step*"),
            *nodes.glob("*/spool/job*"),
        ]
        return [str(path) for path in found]
