#!/usr/bin/env python3
"""Random and mutated frames on each port and socket, while a client works on. The daemons survive.

Frames to mutate are real ones: commands are run through a relay that keeps what they say. On the
TCP ports they come without TLS, with TLS and a key that nobody knows, and with TLS and a node's own
key, as from a node that somebody has taken over.

Usage: garbage.py [--frames N, for each place] [--seed S]
"""
import argparse
import multiprocessing
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading

import harness
from harness import Cluster, check, wait_for

RAW = re.compile(rb"[^ -~]")  # no log line needs such bytes; a line's end could forge others
KNOWN_TYPES = [*range(0, 6), *range(20, 55), *range(80, 95), *range(120, 142), *range(240, 260)]


def frame(kind, identity, payload):
    return struct.pack("<IHQ", 10 + len(payload), kind, identity) + payload


class Relay:
    """A unix socket before the real one; keeps what clients say."""

    def __init__(self, path, target):
        self.target = str(target)
        self.said = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            for pair in ((client, server, self.said), (server, client, None)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, target, kept):
        try:
            while data := source.recv(1 << 16):
                if kept is not None:
                    kept.append(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def record(cluster):
    """What commands say to the controller and to an agent, as whole frames."""
    frames = []
    for name, target in (("c", "controller/controller.sock"), ("l", "login/agent.sock")):
        path = cluster.work / f"relay.{name}"
        relay = Relay(path, cluster.dir / target)
        conf = cluster.work / f"relay.{name}.conf"
        conf.write_text(f"{'controller' if name == 'c' else 'agent'}_socket: {path}\n")
        for words in (
            ("sinfo",),
            ("squeue",),
            ("sacct",),
            ("scontrol", "show", "job"),
            ("sbatch", "--mem=5M", "-o", "/dev/null", "--wrap", "true"),
            ("scontrol", "show", "node"),
            ("scancel", "1"),
            ("scontrol", "ping"),
            ("scontrol", "update", "nodename=n2", "weight=1"),
            ("srun", "--mem=5M", "cat"),
        ):
            if name == "c" and words[0] == "srun":
                continue  # steps are reached through an agent
            if os.geteuid() != 0 and words[0] in ("scancel", "scontrol"):
                continue  # bent, it might be an order to end the client's own job
            cluster.run(*words, env={"SLUICE_CONF": str(conf)}, stdin="input\n", timeout=30)
        frames += split(b"".join(relay.said))
    check(len(frames) > 10, f"only {len(frames)} frames were heard")
    return frames


def split(data):
    found = []
    while len(data) >= 14:
        size = 4 + struct.unpack("<I", data[:4])[0]
        if size < 14 or size > len(data):
            break
        found.append(data[:size])
        data = data[size:]
    return found


def bent(chance, frames):
    """One frame, or what is left of one."""
    kind = chance.randrange(6)
    if kind == 0:
        return os.urandom(chance.randrange(1, 200))
    if kind == 1:
        return frame(
            chance.choice(KNOWN_TYPES),
            chance.randrange(1 << 64),
            os.urandom(chance.randrange(0, 300)),
        )
    if kind == 2:  # a size that lies
        return struct.pack(
            "<IHQ",
            chance.choice((0, 9, 11, 1 << 16, 1 << 26, 0xFFFFFFFF)),
            chance.choice(KNOWN_TYPES),
            1,
        ) + os.urandom(30)
    data = bytearray(chance.choice(frames))
    if kind == 3:  # the same content as another message
        data[4:6] = struct.pack("<H", chance.choice(KNOWN_TYPES))
        return bytes(data)
    for _ in range(chance.randrange(1, 5)):
        data[
            chance.randrange(4 if kind == 4 else 14, max(len(data), 15)) % len(data)
        ] = chance.randrange(256)
    return bytes(data) if kind == 4 else bytes(data[: chance.randrange(1, len(data) + 1)])


def throw_as_nobody(connect, chance, frames, count):
    """As throw(), as a user who may not do what a mutated frame may happen to say."""
    made = multiprocessing.Value("i", 0)
    seed = chance.random()

    def child():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        made.value = throw(connect, random.Random(seed), frames, count)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(600)
    return made.value


def throw(connect, chance, frames, count):
    """`count` frames, a few in each connection; how many connections could be made."""
    made = 0
    while count > 0:
        some = chance.randrange(1, 6)
        count -= some
        try:
            with connect() as peer:
                made += 1
                peer.settimeout(5)
                for _ in range(some):
                    peer.sendall(bent(chance, frames))
                if chance.random() < 0.3:
                    peer.settimeout(0.01)
                    peer.recv(4096)
        except OSError:
            pass
    return made


def unix(path):
    def connect():
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(5)
        peer.connect(str(path))
        return peer

    return connect


def tcp(port):
    def connect():
        peer = socket.socket()
        peer.settimeout(5)
        peer.connect(("127.0.0.1", port))
        return peer

    return connect


def tls(port, key):
    """TLS with a certificate for the key in that file."""
    certificate = key.with_suffix(".crt")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-new",
            "-key",
            key,
            "-subj",
            "/CN=x",
            "-days",
            "2",
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
        timeout=20,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["sluice/1"])
    context.load_cert_chain(certificate, key)
    return lambda: context.wrap_socket(tcp(port)())


def unknown_key(cluster):
    key = cluster.work / "unknown.key"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", key],
        check=True,
        capture_output=True,
        timeout=20,
    )
    return key


def stolen_key(cluster, node):
    key = cluster.work / f"{node}.key"
    key.write_bytes((cluster.dir / "nodes" / node / "host.key").read_bytes())
    return key


def port_of(path):
    return int(re.search(r"^port: (\d+)", path.read_text(), re.M).group(1))


class Worker(threading.Thread):
    """The client that works on."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster, self.over, self.done, self.problem = cluster, False, 0, None

    def run(self):
        while not self.over and self.problem is None:
            for words in (("squeue",), ("srun", "--mem=5M", "-w", "n1", "true")):
                done = self.cluster.run(*words, timeout=60)
                if done.returncode != 0:
                    self.problem = f"{words}: exit {done.returncode}: {done.stderr}"
            self.done += 1


def supervisors(cluster, chance, frames, count):
    """Sockets of supervisors, as root: nobody else is heard. A mutated frame may well be an order
    to end, so the steps are made for this."""
    if os.geteuid() != 0:
        print("skipped: the sockets of supervisors (needs root)")
        return
    sent = 0
    while sent < count:
        job = cluster.submit("-w", "n2", wrap="sleep 600")
        cluster.wait_state(job, "RUNNING")
        folder = cluster.dir / "nodes" / "n2" / "spool"
        found = wait_for(lambda f=folder: list(f.rglob("stepd.sock")), 20, "a supervisor's socket")
        part = min(200, count - sent)
        throw(unix(found[0]), chance, frames, part)
        sent += part
        cluster.must("scancel", job)
        cluster.wait_end(job)


def test(count, seed):
    print(f"seed {seed}, {count} frames for each place", flush=True)
    chance = random.Random(seed)
    with Cluster(nodes=2, cpus=4, memory="1G") as cluster:
        frames = record(cluster)
        daemons = {name: cluster.pid(name) for name in ("controller", "login", "n1", "n2")}
        controller = int((cluster.dir / "port").read_text())
        node = port_of(cluster.dir / "nodes" / "n1" / "agent.conf")
        nobody, stolen = unknown_key(cluster), stolen_key(cluster, "n2")
        places = {
            "controller.sock": unix(cluster.dir / "controller" / "controller.sock"),
            "login agent.sock": unix(cluster.dir / "login" / "agent.sock"),
            "node agent.sock": unix(cluster.dir / "nodes" / "n1" / "agent.sock"),
            "controller port": tcp(controller),
            "node port": tcp(node),
            "controller port, unknown key": tls(controller, nobody),
            "node port, unknown key": tls(node, nobody),
            "node port, another node's key": tls(node, stolen),
        }
        worker = Worker(cluster)
        worker.start()
        try:
            for name, connect in places.items():
                # A handshake costs the daemon more than a frame: a tenth of them.
                many = count // 10 if "key" in name else count
                made = throw_as_nobody(connect, chance, frames, many)
                print(f"{name}: {many} frames in {made} connections", flush=True)
                check(made, f"{name}: no connection")
                for daemon, pid in daemons.items():
                    check(harness.is_alive(pid), f"{name}: {daemon} died")
            supervisors(cluster, chance, frames, count // 10)
        finally:
            worker.over = True
            worker.join(120)
        check(worker.problem is None, f"the client was disturbed: {worker.problem}")
        check(worker.done > 0, "the client did nothing")
        stolen_controller(cluster, controller, stolen, chance, frames, count // 10)
        for daemon, pid in daemons.items():
            check(harness.is_alive(pid), f"{daemon} died")
        # A recorded frame that came through unharmed is a request like any other: an allocation of
        # nobody's, say, that nobody will end.
        cluster.must("scancel", "--user=nobody")
        try:
            wait_for(
                lambda: set(cluster.must("sinfo", "-h", "-N", "-o", "%T").split()) == {"idle"},
                60,
                "all nodes idle",
            )
        except harness.Failure as failure:
            said = cluster.must("scontrol", "show", "node") + cluster.must("squeue")
            logs = "".join(p.read_text(errors="replace")[-1500:] for p in cluster.dir.rglob("log"))
            raise harness.Failure(f"{failure}\n{said}\n{logs}") from failure
        for log in cluster.dir.rglob("log"):
            found = re.search(
                r".*(assert|terminate called|Sanitizer|fatal).*", log.read_text(errors="replace")
            )
            check(not found, f"{log}: {found}")
            raw = [line for line in log.read_bytes().splitlines() if RAW.search(line)]
            check(not raw, f"{log}: what others said stands there as it is: {raw[:3]}")


def stolen_controller(cluster, port, key, chance, frames, count):
    """With the key of n2 one becomes n2: its own link may suffer, nothing else may."""
    made = throw(tls(port, key), chance, frames, count)
    print(f"controller port, n2's key: {count} frames in {made} connections")
    check(cluster.run("srun", "--mem=5M", "-w", "n1", "true").returncode == 0, "n1 suffered")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--frames", type=int, default=2000)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = options.parse_args()
    try:
        test(given.frames, given.seed)
    except (harness.Failure, subprocess.TimeoutExpired) as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)
    print("ok")


if __name__ == "__main__":
    main()
