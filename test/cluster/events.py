#!/usr/bin/env python3
"""The event stream on real daemons: order, filters, resuming by cursor, who sees what, a controller
that is killed while somebody follows, how long events are kept; and sluice-relay with a web server
that fails at times, is away, and comes back. Needs root. The message queue is in events_queue.py.
"""
import hashlib
import hmac
import http.server
import json
import os
import random
import signal
import subprocess
import threading
import harness
from harness import Cluster, check, is_alive, wait_for

ANN, BOB, EVE = "daemon", "bin", "games"
SECRET = "a secret of the test"
CONFIG = """
cluster_name: events
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
billing_period: 1
return_to_service: 2
nodes:
  - {node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 4, sockets: 4, cores_per_socket: 1,
     real_memory: 1000, autodetect: no}
partitions:
  - {partition_name: batch, nodes: "n[1-2]", default: yes}
  - {partition_name: other, nodes: n2}
"""
PRICES = """
price_books:
  - {name: standard, version: 1, currency: CHF, valid_from: 2020-01-01,
     prices: [{sku: core, meter: cpu, price: 3600, service: HPC}]}
customers:
  - {name: physics, account: physics, kind: prepaid, currency: CHF, book: standard}
"""
cluster: Cluster


def events(*words, **options):
    """What `sluice events --json` prints now."""
    out = cluster.must("sluice", "events", "--json", *words, **options)
    return [json.loads(line) for line in out.splitlines()]


def names(found):
    return [event["event"] for event in found]


def of_job(job, *words):
    return events("--job", job, "--kind", "job", *words)


def newest():
    return events()[-1]["cursor"]


def check_gapless(found, first=None):
    cursors = [event["cursor"] for event in found]
    begin = cursors[0] if first is None else first
    check(cursors == list(range(begin, begin + len(found))), f"cursors {cursors}")
    check(len({event["id"] for event in found}) == len(found), "ids repeat")
    times = [event["time"] for event in found]
    check(times == sorted(times), f"times go back: {times}")


class Follower:
    """`sluice events --follow --json` in the background."""

    def __init__(self, *words, user=None):
        self.path = cluster.work / f"follow.{random.getrandbits(32):08x}"
        options = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(
                ["sluice", "events", "--follow", "--json", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                env=cluster.environment,
                **options,
            )

    def seen(self):
        lines = self.path.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def close(self):
        self.process.kill()
        self.process.wait()
        return self.seen()


def setup():
    for words in (
        ("add", "account", "physics", "Organization=x"),
        ("add", "account", "chemistry", "Organization=x"),
        ("add", "user", ANN, "Account=physics"),
        ("add", "user", BOB, "Account=chemistry"),
        ("add", "user", EVE, "Account=physics"),
        ("add", "coordinator", "Account=physics", f"Names={EVE}"),
    ):
        cluster.must("sacctmgr", "-i", *words)
    path = cluster.work / "prices.yaml"
    path.write_text(PRICES)
    cluster.must("sluice", "bill", "prices", "load", path)
    cluster.must("sluice", "bill", "topup", "physics", "1000")


def lives():
    """Each step of a job's life, once, in order."""
    job = cluster.submit("-t", "1", "-J", 'a "name"', user=ANN)
    cluster.wait_end(job)
    wait_for(lambda: names(of_job(job))[-1:] == ["job.ended"], 10, "the end of a job")
    found = of_job(job)
    check(names(found) == ["job.submitted", "job.started", "job.ended"], names(found))
    told = found[-1]["job"]
    expected = {"id": job, "name": 'a "name"', "user": ANN, "state": "COMPLETED", "exit_code": 0}
    check(expected.items() <= told.items(), told)
    check(told["partition"] == "batch" and told["cpus"] == 1 and "end" in told, told)

    job = cluster.submit("-H", "-t", "5", wrap="sleep 600")
    cluster.must("scontrol", "update", f"jobid={job}", "timelimit=7")
    cluster.must("scontrol", "release", job)
    cluster.wait_state(job, "RUNNING")
    cluster.must("scontrol", "suspend", job)
    cluster.must("scontrol", "resume", job)
    cluster.must("scontrol", "requeue", job)
    wait_for(lambda: "job.requeued" in names(of_job(job)), 30, "a requeue")
    cluster.must("scancel", job)
    wait_for(lambda: of_job(job)[-1]["job"]["state"] == "CANCELLED", 30, "a cancellation")
    first = [e["event"] for e in of_job(job) if e["job"]["attempt"] == 0]
    check(
        first[:7]
        == ["job.submitted", "job.changed", "job.changed"]
        + ["job.started", "job.suspended", "job.resumed", "job.ended"],
        first,
    )
    second = [e["event"] for e in of_job(job) if e["job"]["attempt"] == 1]
    check(second[0] == "job.requeued" and second[-1] == "job.ended", second)
    ended = [e for e in of_job(job) if e["event"] == "job.ended"]
    check([e["job"]["attempt"] for e in ended] == [0, 1], ended)

    array = cluster.submit("--array=1-3", wrap="exit 3")
    cluster.wait_end(array)
    wait_for(lambda: names(of_job(array)).count("job.ended") == 3, 30, "an array's ends")
    found = of_job(array)
    check(names(found).count("job.submitted") == 1, names(found))
    check(names(found).count("job.started") == 3, names(found))
    ends = [e["job"] for e in found if e["event"] == "job.ended"]
    check({e["array_task"] for e in ends} == {1, 2, 3}, ends)
    check(all(e["exit_code"] == 3 and e["state"] == "FAILED" for e in ends), ends)
    check_gapless(events())


def nodes():
    since = newest()
    cluster.must("scontrol", "update", "nodename=n1", "state=drain", "reason=a disk")
    cluster.must("scontrol", "update", "nodename=n1", "state=resume")
    wait_for(lambda: len(events("--since", since, "--kind", "node")) == 2, 10, "two of a node")
    found = events("--since", since, "--kind", "node")
    check(names(found) == ["node.drained", "node.undrained"], found)
    check(found[0]["node"]["reason"] == "a disk", found)
    check(found[0]["node"]["state"] == "UP+DRAIN", found)


def money():
    """Each entry is an event, and says the same as the ledger."""
    entries = [e["entry"]["sequence"] for e in events("--kind", "ledger")]
    check(entries == list(range(1, len(entries) + 1)) and len(entries) > 4, entries)
    charges = [e["entry"] for e in events("--kind", "ledger") if e["event"] == "ledger.charge"]
    check(charges and all(e["job"]["user"] == ANN for e in charges), charges)


def readings():
    """Filters, limits, times and cursors; what is refused."""
    everything = events()
    middle = everything[len(everything) // 2]["cursor"]
    check(
        events("--since", middle)
        == everything[everything.index(next(e for e in everything if e["cursor"] == middle + 1)) :],
        "resuming",
    )
    pages, cursor = [], 0
    while page := events("--since", cursor, "--limit", 7):
        pages += page
        cursor = page[-1]["cursor"]
    check(pages == everything, "pages")
    check(
        events("--user", ANN)
        == [
            e
            for e in everything
            if ANN in (e.get("job", e.get("entry", {}).get("job", {})).get("user"),)
        ],
        "a user's",
    )
    check(not events("--partition", "other"), "nothing of a partition")
    check(events("--since", "now-1hours") == everything, "since a time")
    check(not events("--since", "now+1hours"), "since a time to come")
    text = cluster.must("sluice", "events", "--limit", "1")
    check(len(text.splitlines()) == 2 and text.split()[0] == "CURSOR", text)
    for words, told in (
        (("--since", 10**9), f"the newest is {newest()}"),
        (("--since", "next week"), "Invalid time"),
        (("--kind", "jobs"), "job, node, ledger"),
        (("--limit", "0"), "--limit"),
    ):
        done = cluster.run("sluice", "events", *words)
        check(done.returncode != 0 and told in done.stderr, f"{words}: {done}")


def rights():
    """Users see their own, coordinators their accounts', operators all; nodes are everybody's."""
    job = cluster.submit(user=BOB)
    cluster.wait_end(job)
    wait_for(lambda: names(of_job(job))[-1:] == ["job.ended"], 10, "the end of a job")
    everything = events()

    def owner(event):
        subject = event.get("job") or event.get("entry", {}).get("job") or {}
        return subject.get("user"), subject.get("account")

    def of_customer(event):
        return event.get("entry", {}).get("customer") == 1

    for user, sees in (
        (ANN, lambda e: "node" in e or owner(e)[0] == ANN),
        (BOB, lambda e: "node" in e or owner(e)[0] == BOB),
        (EVE, lambda e: "node" in e or owner(e)[1] == "physics" or of_customer(e)),
        ("news", lambda e: "node" in e),
    ):
        check(events(user=user) == [e for e in everything if sees(e)], f"what {user} sees")
    check(not events("--user", BOB, user=ANN), "a filter is no key")
    follower = Follower("--since", 0, user=ANN)
    wait_for(lambda: len(follower.seen()) == len(events(user=ANN)), 10, "what a follower may see")
    follower.close()
    config = cluster.dir / "sluice.yaml"
    before = config.read_text()
    config.write_text(before + "private_data: events\n")
    cluster.must("scontrol", "reconfigure")
    check(not events("--kind", "node", user=ANN), "private nodes")
    check(events("--kind", "node"), "root sees them")
    config.write_text(before)
    cluster.must("scontrol", "reconfigure")


def killed():
    """Two follow while the controller is killed: nothing is lost or doubled."""
    first = newest() + 1
    followers = [Follower("--since", first - 1), Follower("--since", first - 1, "--kind", "job")]
    jobs = []
    for _ in range(4):
        for _ in range(5):
            jobs.append(cluster.submit())
        cluster.kill("controller")
        cluster.up()
        jobs.append(cluster.submit())
    cluster.wait_end(*jobs)
    wait_for(
        lambda: sum(e["event"] == "job.ended" for e in followers[1].seen()) >= len(jobs),
        60,
        "the end of all jobs in the stream",
    )
    last = newest()
    wait_for(lambda: followers[0].seen()[-1]["cursor"] >= last, 30, "the last event")
    seen = [e for e in followers[0].close() if e["cursor"] <= last]
    check_gapless(seen, first)
    check(seen == events("--since", first - 1, "--limit", len(seen)), "the same as read at once")
    of_jobs = [e for e in seen if "job" in e]
    check([e for e in followers[1].close() if e["cursor"] <= last] == of_jobs, "the jobs' events")
    for job in jobs:
        mine = [e["event"] for e in of_jobs if e["job"]["id"] == job]
        check(mine.count("job.submitted") == 1, f"{job}: {mine}")
        check(mine[-1] == "job.ended", f"{job}: {mine}")
        attempts = [(e["event"], e["job"]["attempt"]) for e in of_jobs if e["job"]["id"] == job]
        check(len(set(attempts)) == len(attempts), f"told twice: {attempts}")


def kept():
    """A cursor that is older than what is kept is one clear error that names the oldest."""
    config = cluster.dir / "sluice.yaml"
    config.write_text(config.read_text() + "max_events: 20\n")
    cluster.must("scontrol", "reconfigure")
    cluster.wait_end(cluster.submit())
    wait_for(lambda: len(events()) <= 20, 10, "old events to go")
    oldest = events()[0]["cursor"]
    for follow in ((), ("--follow",)):
        done = cluster.run("sluice", "events", "--since", 1, *follow)
        lines = done.stderr.splitlines()
        check(done.returncode == 1 and len(lines) == 1, done)
        check(lines[0].endswith(f"not kept any more: the oldest event is {oldest}"), lines)
    check_gapless(events("--since", oldest - 1), oldest)


class Receiver:
    """A web server on a port of its own that keeps what it is sent, or fails as it is told."""

    def __init__(self, port=0):
        receiver = self
        self.accepted = {"/all": [], "/ends": []}  # events, as acknowledged, by path
        self.offered = 0  # requests
        self.refused = 0
        self.failing = lambda number: False
        self.away = False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                if receiver.away:  # a connection that was kept open
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.offered += 1
                stamp = self.headers["X-Sluice-Timestamp"]
                text = b"sluice-webhook-v1\n" + stamp.encode() + b"\n" + body
                mac = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
                signed = hmac.compare_digest(self.headers["X-Sluice-Signature"], "v1=" + mac)
                bad = not signed or receiver.failing(receiver.offered)
                receiver.refused += bad
                if not bad:
                    receiver.accepted[self.path] += json.loads(body)["events"]
                self.send_response(500 if bad else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.away = True
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def relay_pid():
    return int((cluster.dir / "relay" / "pid").read_text())


def relay_cursor(name):
    path = cluster.dir / "relay" / f"{name}.cursor"
    return int(path.read_text()) if path.exists() else -1


def all_arrive(name, what):
    last = newest()
    wait_for(lambda: relay_cursor(name) >= last, 60, f"{what}: all events up to {last}")


def check_complete(accepted, first=1):
    """At least once, in order: without repetitions it is the stream."""
    once = list({event["id"]: event for event in accepted}.values())
    check_gapless(once, first)
    check(once == events("--since", first - 1, "--limit", len(once)), "not what the stream has")


def webhooks():
    """The relay, a receiver that fails at times, and one that wants job.ended alone."""
    global cluster
    receiver = Receiver()
    work = harness.pathlib.Path(harness.tempfile.mkdtemp(prefix="sluice-test.", dir="/var/tmp"))
    secret = work / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    relay = f"""
relay:
  - {{name: all, url: "http://127.0.0.1:{receiver.port}/all", secret_file: {secret},
     begin: oldest, batch: 5, retry_max: 1, timeout: 5}}
  - {{name: ends, url: "http://127.0.0.1:{receiver.port}/ends", secret_file: {secret},
     events: [job.ended], retry_max: 1}}
"""
    before = cluster
    cluster = Cluster(config=CONFIG + relay)
    try:
        with cluster:
            pid = relay_pid()
            deliveries(receiver)
        check(not is_alive(pid), "the relay ends with the cluster")
    finally:
        cluster = before
        receiver.close()
        harness.shutil.rmtree(work)


def deliveries(receiver):
    wait_for(lambda: relay_cursor("ends") >= 0, 20, "a beginning")
    receiver.failing = lambda number: number % 2 == 1
    jobs = [cluster.submit() for _ in range(5)]
    cluster.wait_end(*jobs)
    wait_for(lambda: names(events()).count("job.ended") == 5, 20, "five ends")
    all_arrive("all", "a receiver that fails each other time")
    all_arrive("ends", "the same, of job.ended")
    receiver.failing = lambda number: False
    check(receiver.refused > 0, "a receiver that refused nothing")
    check_complete(receiver.accepted["/all"])
    ends = receiver.accepted["/ends"]
    check(set(names(ends)) == {"job.ended"}, ends)
    check({event["job"]["id"] for event in ends} == set(jobs), ends)

    # Away: events wait in the controller. Killed: it goes on from its cursor.
    port = receiver.port
    receiver.close()
    jobs = [cluster.submit() for _ in range(5)]
    cluster.wait_end(*jobs)
    held = relay_cursor("all")
    check(held < newest(), "nothing goes forward without an acknowledgement")
    os.kill(relay_pid(), signal.SIGKILL)
    killed_pid = relay_pid()
    wait_for(lambda: not is_alive(killed_pid), 10, "the end of the relay")
    cluster.kill("controller")
    cluster.up()
    check(relay_pid() != killed_pid, "sluice up starts the relay again")
    again = Receiver(port)
    try:
        all_arrive("all", "a receiver that was away")
        check_complete(receiver.accepted["/all"] + again.accepted["/all"])
        # Another configuration: the old targets end, the new ones begin.
        os.kill(relay_pid(), signal.SIGHUP)
        cluster.wait_end(cluster.submit())
        all_arrive("all", "after a reload")
        check_complete(receiver.accepted["/all"] + again.accepted["/all"])
    finally:
        again.close()


def refusals():
    """What is wrong with targets is said at the start, in one line, and nothing is sent."""
    secret = cluster.work / "open.secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    broken = cluster.work / "relay" / "hook.cursor"
    broken.parent.mkdir()
    broken.write_text("a dozen\n")
    hook = 'relay:\n  - {name: hook, url: "http://127.0.0.1:9/"'
    for relay, told in (
        ("", "relay names no target"),
        (hook + f", secret_file: {secret}}}\n", "others could read it"),
        (hook + ", secret_file: /nowhere/x}\n", "/nowhere/x"),
        (hook + "}\n", "hook.cursor: not a cursor"),
        (hook + ", events: [job.born]}\n", "job.born"),
        ("relay:\n  - {name: a, url: ftp://x}\n", "amqp://"),
    ):
        path = cluster.work / "relay.yaml"
        path.write_text(CONFIG + relay)
        words = ("--dir", broken.parent, "--config", path, "--socket", cluster.work / "none")
        done = cluster.run("sluice-relay", *words, timeout=20)
        lines = done.stderr.splitlines()
        check(done.returncode == 1 and len(lines) == 1 and told in lines[0], f"{relay}: {done}")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: needs root")
        raise SystemExit(0)
    with Cluster(config=CONFIG) as cluster:
        setup()
        harness.main(lives, nodes, money, readings, rights, killed, kept, refusals, webhooks)
