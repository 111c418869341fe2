#!/usr/bin/env python3
"""sluice-relay and RabbitMQ (Debian's server, on ports and files of its own): messages with ids and
routing keys, a broker that is away while jobs go on, a relay that is killed: nothing is lost, and
what is sent twice has the same id. Needs root, rabbitmq-server and amqp-tools.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import harness
from harness import Cluster, check, is_alive, processes, wait_for

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
CONFIG = """
cluster_name: events
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
nodes:
  - {{node_name: n1, node_addr: 127.0.0.1, cpus: 4, sockets: 4, cores_per_socket: 1,
     real_memory: 1000, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: n1, default: yes}}
relay:
  - {{name: bus, url: "amqp://guest@127.0.0.1:{port}/%2f", password_file: {password},
     begin: oldest, queue: all, batch: 10, retry_max: 1, timeout: 10}}
"""
cluster: Cluster


def free_ports(count):
    """Held together for a moment, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Broker:
    """A RabbitMQ server below a directory; its messages outlive it."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self.dist_port, self.epmd_port = free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}"
        self.node = f"sluice-test-{os.getpid()}@localhost"
        self.environment = dict(
            os.environ,
            HOME=str(folder),
            RABBITMQ_NODENAME=self.node,
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(self.dist_port),
            ERL_EPMD_PORT=str(self.epmd_port),
            ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_MNESIA_BASE=str(folder / "mnesia"),
            RABBITMQ_LOG_BASE=str(folder / "log"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(folder / "plugins"),
            RABBITMQ_CONFIG_FILE=str(folder / "none"),
            RABBITMQ_CONF_ENV_FILE=str(folder / "env"),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1",
        )
        self.process = None

    def start(self):
        with open(self.folder / "output", "ab") as out:
            self.process = subprocess.Popen(
                [SERVER],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self.environment,
                start_new_session=True,
            )
        wait_for(self.answers, 90, "the broker's start")

    def answers(self):
        done = subprocess.run(
            ["amqp-declare-queue", "-u", self.url, "-d", "-q", "probe"],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def pids(self):
        """Of this server's virtual machine."""
        return [
            pid
            for pid, line in processes()
            if str(self.folder) in line and "/beam" in line.split("\0")[0]
        ]

    def kill(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not self.pids(), 20, "the broker's end")

    def close(self):
        if self.process is not None:
            self.kill()
        # Its name server, started by it on a port of its own.
        forget = lambda: subprocess.run(
            ["epmd", "-kill"], capture_output=True, check=False, env=self.environment
        )
        wait_for(lambda: b"not allowed" not in forget().stdout, 20, "the name server's end")

    def take(self, count, *words):
        """So many messages' bodies, taken out."""
        done = subprocess.run(
            [
                "amqp-consume",
                "-u",
                self.url,
                "-c",
                str(count),
                *words,
                "--",
                "sh",
                "-c",
                "cat; echo",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        check(done.returncode == 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]


def events():
    out = cluster.must("sluice", "events", "--json")
    return [json.loads(line) for line in out.splitlines()]


def relay_pid():
    return int((cluster.dir / "relay" / "pid").read_text())


def cursor():
    path = cluster.dir / "relay" / "bus.cursor"
    return int(path.read_text()) if path.exists() else 0


def delivered(broker, taken):
    """Takes what has come until the newest event is there; its cursor is acknowledged then."""
    last = events()[-1]
    wait_for(lambda: cursor() >= last["cursor"], 90, f"the acknowledgement of {last['cursor']}")
    while not taken or taken[-1]["id"] != last["id"]:
        taken += broker.take(1, "-q", "all")
    return list({event["id"]: event for event in taken}.values())


def jobs(count):
    made = [cluster.submit() for _ in range(count)]
    cluster.wait_end(*made)

    def ended():
        return {e["job"]["id"] for e in events() if e["event"] == "job.ended"}

    wait_for(lambda: set(made) <= ended(), 20, "the ends in the stream")


def follows(broker):
    """All events arrive in order, by name where somebody asks so."""
    taken = []
    jobs(3)
    check(delivered(broker, taken) == events(), "the queue has what the stream has")
    asked = subprocess.Popen(
        ["amqp-consume", "-u", broker.url, "-c", "2", "-e", "sluice", "-r", "job.ended"]
        + ["--", "sh", "-c", "cat; echo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    # It is bound at some moment: jobs run until it has seen two ends.
    wait_for(lambda: jobs(1) or asked.poll() is not None, 60, "two messages by routing key")
    names = [json.loads(line)["event"] for line in asked.stdout.read().splitlines()]
    check(names == ["job.ended"] * 2, names)
    return taken


def survives(broker, taken):
    """The broker is killed while jobs go on; then the relay is."""
    broker.kill()
    jobs(3)
    held = cursor()
    check(held < events()[-1]["cursor"], "nothing goes forward without a confirmation")
    broker.start()
    check(delivered(broker, taken) == events(), "after the broker's death")
    broker.kill()
    jobs(2)
    old = relay_pid()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: not is_alive(old), 10, "the relay's end")
    broker.start()
    cluster.up()
    jobs(1)
    check(delivered(broker, taken) == events(), "after the relay's death")


def queue():
    global cluster
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-broker.", dir="/var/tmp"))
    broker = Broker(folder)
    password = folder / "password"
    password.write_text("guest\n")
    password.chmod(0o600)
    try:
        broker.start()
        with Cluster(config=CONFIG.format(port=broker.port, password=password)) as cluster:
            survives(broker, follows(broker))
    finally:
        broker.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if os.geteuid() != 0 or not os.path.exists(SERVER) or shutil.which("amqp-consume") is None:
        print("skipped: needs root, rabbitmq-server and amqp-tools")
        raise SystemExit(0)
    harness.main(queue)
