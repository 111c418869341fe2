#!/usr/bin/env python3
"""private_data: what plain users, coordinators and operators see of others. Needs root: it acts as
ordinary users of every Debian.
"""
import json

import harness
from harness import Cluster, check, wait_for

ALICE, BOB, CAROL, OLGA = "bin", "daemon", "games", "mail"
CONFIG = """\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 1
priority_type: priority/multifactor
priority_weight_age: 1000
private_data: {private}
nodes:
  - {{node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 8, real_memory: 1000, autodetect: no}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes}}
"""
cluster: Cluster
jobs = {}


def set_private(words):
    (cluster.dir / "sluice.yaml").write_text(CONFIG.format(private=words or "none"))
    cluster.must("scontrol", "reconfigure")


def as_user(user, *words):
    return cluster.run(*words, user=user)


def lines(user, *words):
    done = as_user(user, *words)
    check(done.returncode == 0, f"{user}: {words}: {done}")
    return done.stdout.split()


def setup():
    for account, parent in (("art", "root"), ("paint", "art"), ("music", "root")):
        cluster.must("sacctmgr", "-i", "add", "account", account, f"parent={parent}")
    for user, account in ((ALICE, "paint"), (BOB, "music"), (CAROL, "music"), (OLGA, "music")):
        cluster.must("sacctmgr", "-i", "add", "user", user, f"account={account}")
    cluster.must("sacctmgr", "-i", "add", "coordinator", "account=art", f"names={CAROL}")
    cluster.must("sacctmgr", "-i", "modify", "user", OLGA, "set", "adminlevel=operator")
    for user in (ALICE, BOB):
        jobs[user] = cluster.submit("-t10", "--job-name", f"of-{user}", wrap="sleep 600", user=user)
        jobs[user, "held"] = cluster.submit("--begin=now+1day", "-t10", user=user)
        cluster.wait_state(jobs[user], "RUNNING")


def all_is_visible_at_first():
    for user in (ALICE, BOB):
        check(len(lines(user, "squeue", "-h", "-o", "%i")) == 4, f"{user} sees all jobs")
        check("music" in lines(user, "sacctmgr", "-n", "show", "account", "format=account"), "all")
    out = cluster.must("scontrol", "show", "config")
    check("PrivateData             = none" in out, out)


def jobs_are_private():
    set_private("jobs")
    out = cluster.must("scontrol", "show", "config")
    check("PrivateData             = jobs" in out, out)
    own = {str(jobs[ALICE]), str(jobs[ALICE, "held"])}
    both = own | {str(jobs[BOB]), str(jobs[BOB, "held"])}
    for user, sees in ((ALICE, own), (CAROL, own), (OLGA, both), (None, both)):
        for words in (
            ("squeue", "-h", "-o", "%i"),
            # Who begins tomorrow is shown to those who name it.
            ("sacct", "-X", "-n", "-P", "-a", "-o", "jobid", "-j", ",".join(sorted(both))),
        ):
            got = set(lines(user, *words))
            check(got == sees, f"{user}: {words}: {got}, not {sees}")
    check(set(lines(BOB, "sprio", "-h", "-o", "%i")) <= both - own, "sprio")
    for words in (
        ("scontrol", "show", "job", jobs[ALICE]),
        ("squeue", "-h", "-j", jobs[ALICE]),
        ("squeue", "-s", "-h"),
        ("squeue", "--json"),
        ("sacct", "-n", "-j", jobs[ALICE]),
        ("scontrol", "show", "step"),
    ):
        done = as_user(BOB, *words)
        said = done.stdout + done.stderr
        check(f"of-{ALICE}" not in said and f"{jobs[ALICE]}.batch" not in said, f"{words}: {said}")
    set_private("")


def why_is_for_those_whom_it_concerns():
    """Whether jobs are private or not: a plan tells of limits and use."""
    for private in ("", "jobs"):
        set_private(private)
        for user, allowed in ((ALICE, True), (BOB, False), (CAROL, True), (OLGA, True)):
            done = as_user(user, "sluice", "why", str(jobs[ALICE, "held"]))
            check((done.returncode == 0) == allowed, f"{user}: {done}")
            if not allowed:
                check("Access/permission denied" in done.stderr, done.stderr)
                check(done.stdout == "", done.stdout)
    # Whom it waits behind, and whose ends it counts on, is told as squeue tells it.
    wide = cluster.submit("-N2", "--exclusive", "-t5", user=ALICE)
    filler = cluster.submit("-N2", "--exclusive", "-t5", user=BOB)
    told = {}
    for private in ("", "jobs"):
        set_private(private)
        wait_for(
            lambda: json.loads(cluster.must("sluice", "why", filler, "--json"))["behind"] == wide,
            20,
            "the filler waits behind the wide one",
        )
        told[private] = json.loads(as_user(BOB, "sluice", "why", filler, "--json").stdout)
        text = as_user(BOB, "sluice", "why", filler).stdout
        check(f"of-{ALICE}" not in text, f"a name: {text}")
    check(told[""]["behind"] == wide, str(told[""]))
    check(told["jobs"]["behind"] == 0, str(told["jobs"]))
    named = {job["job_id"] for job in told["jobs"]["until"]}
    check(named <= {jobs[BOB]}, f"jobs of others are named: {named}")
    cluster.must("scancel", wide, filler)
    set_private("")


def accounts_users_and_usage_are_private():
    def of(user, *words):
        return set(lines(user, *words))

    accounts = ("sacctmgr", "-n", "show", "account", "format=account")
    users = ("sacctmgr", "-n", "show", "user", "format=user")
    shares = ("sshare", "-a", "-n", "-P", "-o", "user")
    set_private("accounts")
    check(of(ALICE, *accounts) == {"root", "art", "paint"}, f"alice: {of(ALICE, *accounts)}")
    check(of(BOB, *accounts) == {"root", "music"}, f"bob: {of(BOB, *accounts)}")
    check(of(CAROL, *accounts) == {"root", "art", "paint", "music"}, "a coordinator")
    set_private("users")
    check(of(BOB, *users) == {BOB}, f"bob sees himself: {of(BOB, *users)}")
    check({ALICE, BOB} <= of(OLGA, *users), "an operator sees all")
    check({ALICE, BOB} <= of(CAROL, *users), "a coordinator may bring in anybody")
    set_private("usage")
    check(of(BOB, *shares) == {BOB}, f"bob's shares: {of(BOB, *shares)}")
    check(of(CAROL, *shares) == {CAROL, ALICE}, f"the coordinator: {of(CAROL, *shares)}")
    check({ALICE, BOB, CAROL} <= of(OLGA, *shares), "an operator sees all")
    top = ("sreport", "-n", "-P", "user", "top", "start=now-1hour", "end=now+1hour", "format=login")
    wait_for(lambda: {ALICE, BOB} <= of(OLGA, *top), 20, "each has used a second")
    check(of(BOB, *top) == {BOB}, f"bob's use: {of(BOB, *top)}")
    check(of(CAROL, *top) == {ALICE}, f"the coordinator: {of(CAROL, *top)}")
    check({ALICE, BOB} <= of(OLGA, *top), "an operator sees all use")
    set_private("")
    check({ALICE, BOB} <= of(BOB, *top), "nothing is private")


def reservations_are_private():
    for name, user in (("mine", ALICE), ("theirs", BOB)):
        cluster.must(
            *f"scontrol create reservation reservationname={name} starttime=now+1hour"
            f" duration=10 nodes=n2 flags=overlap users={user}".split()
        )
    set_private("reservations")
    out = as_user(ALICE, "scontrol", "show", "reservation").stdout
    check("ReservationName=mine" in out and "theirs" not in out, out)
    out = as_user(ALICE, "scontrol", "show", "reservation", "theirs")
    check("not found" in out.stdout + out.stderr, str(out))
    check("theirs" in cluster.must("scontrol", "show", "reservation"), "root sees all")
    for name in ("mine", "theirs"):
        cluster.must("scontrol", "delete", f"reservation={name}")
    set_private("")


def nodes_and_partitions_are_private():
    set_private("nodes,partitions,events")
    done = as_user(ALICE, "sinfo")
    check(done.returncode != 0 and "Access/permission denied" in done.stderr, str(done))
    done = as_user(ALICE, "scontrol", "show", "node", "n1")
    check("NodeName" not in done.stdout, str(done))
    done = as_user(ALICE, "scontrol", "show", "partition")
    check("PartitionName" not in done.stdout, str(done))
    check(len(lines(ALICE, "squeue", "-h", "-o", "%i")) == 4, "jobs are not")
    check(as_user(ALICE, "squeue", "--json").returncode == 0, "nor as a document")
    check(as_user(ALICE, "scontrol", "show", "job", str(jobs[BOB])).returncode == 0, "one job")
    cluster.must("sinfo")
    set_private("")


def a_node_speaks_only_for_its_own():
    """What a compute node asks for a user without a job there is answered as for nobody."""
    set_private("jobs")
    through = {
        "SLUICE_AGENT_SOCKET": str(cluster.dir / "nodes" / "n2" / "agent.sock"),
        "SLUICE_CONF": "",
    }
    for user in (None, BOB):
        done = cluster.run("squeue", "-h", "-o", "%i", user=user, env=through)
        check(done.stdout == "", f"{user}: {done}")
    set_private("")


def other_words_are_refused():
    (cluster.dir / "sluice.yaml").write_text(CONFIG.format(private="jobs,cloud"))
    done = cluster.run("scontrol", "reconfigure")
    check(done.returncode == 1 and "private_data" in done.stderr, str(done))
    set_private("")


def start_and_test(*tests):
    global cluster
    with Cluster(config=CONFIG.format(private="none")) as cluster:
        setup()
        harness.main(*tests)


if __name__ == "__main__":
    start_and_test(
        all_is_visible_at_first,
        jobs_are_private,
        why_is_for_those_whom_it_concerns,
        accounts_users_and_usage_are_private,
        reservations_are_private,
        nodes_and_partitions_are_private,
        a_node_speaks_only_for_its_own,
        other_words_are_refused,
    )
