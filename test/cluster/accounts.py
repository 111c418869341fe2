#!/usr/bin/env python3
"""Accounts, users and QOS on a real controller, as administrators, coordinators and others use
sacctmgr: what is stored outlives a restart, files come and go whole, nobody overwrites anybody, and
who has no rights changes nothing. Needs root.
"""
import os
import subprocess

import harness
from harness import Cluster, check

ANN, BOB = "daemon", "bin"
cluster: Cluster


def sacctmgr(*words, **options):
    return cluster.run("sacctmgr", *words, **options)


def must(*words, **options):
    return cluster.must("sacctmgr", "-i", *words, **options)


def shown(*words):
    return sacctmgr("-n", "-P", "show", *words).stdout.splitlines()


def tree():
    return shown("assoc", "format=account,user,share,maxjobs,qos,parentname")


def accounts_users_and_qos():
    must("add", "qos", "long", "maxwall=7-0", "maxjobspu=4")
    must("add", "account", "science", "fairshare=50", "maxjobs=9")
    must("add", "account", "physics,chemistry", "parent=science")
    must("add", "user", ANN, "account=physics,chemistry", "defaultaccount=physics")
    must("add", "user", BOB, "account=chemistry", "fairshare=parent")
    must("modify", "account", "chemistry", "set", "qos+=long")
    check(
        tree()
        == [
            "root||1||normal|",
            "root|root|1||normal|",
            "science||50|9|normal|root",
            "chemistry||1|9|long,normal|science",
            f"chemistry|{BOB}|parent|9|long,normal|",
            f"chemistry|{ANN}|1|9|long,normal|",
            "physics||1|9|normal|science",
            f"physics|{ANN}|1|9|normal|",
        ],
        tree(),
    )


def all_of_it_outlives_the_controller():
    before, qos = tree(), shown("qos")
    cluster.kill("controller")
    cluster.up()
    check(tree() == before and shown("qos") == qos, "the accounts are others after a restart")


def files_come_and_go_whole():
    path = os.path.join(cluster.dir, "accounts.cfg")
    before = tree()
    must("dump", "sluice", f"file={path}")
    must("delete", "account", "science")
    check(len(tree()) == 2, "science took not all along")
    must("load", path, "clean")
    check(tree() == before, f"the dump is not what was: {tree()}")
    with open(path, "a", encoding="utf-8") as file:
        file.write("Account - 'more'\nUser - 'x':MaxJobs=many\n")
    done = sacctmgr("-i", "load", path)
    check(done.returncode == 1 and "Problem with line(" in done.stderr, str(done))
    check(tree() == before, "a broken file was loaded in part")
    os.unlink(path)


def nobody_overwrites_anybody():
    """Many at once: each works on what the others left."""
    count = 20
    runs = [
        subprocess.Popen(
            ["sacctmgr", "-i", "add", "account", f"many{i}", "parent=science"],
            env=cluster.environment,
            stdout=subprocess.DEVNULL,
        )
        for i in range(count)
    ]
    failed = [i for i, run in enumerate(runs) if run.wait(60) != 0]
    have = {line for line in shown("account", "format=account") if line.startswith("many")}
    check(not failed and len(have) == count, f"{failed} failed; there are {sorted(have)}")
    must("delete", "account", f"many[0-{count - 1}]")


def who_has_no_rights_changes_nothing():
    before = tree()
    for words in (
        ("add", "account", "evil"),
        ("modify", "user", BOB, "set", "adminlevel=admin"),
        ("modify", "account", "physics", "set", "fairshare=1000"),
        ("delete", "user", ANN),
        ("delete", "qos", "long"),
    ):
        done = sacctmgr("-i", *words, user=BOB)
        check(done.returncode == 1 and "permission denied" in done.stderr, f"{words}: {done}")
    check(tree() == before and "evil" not in str(shown("account")), "something was changed")


def coordinators_lead_their_accounts():
    must("add", "coordinator", BOB, "account=chemistry")
    must("add", "user", "games", "account=chemistry", user=BOB)
    done = sacctmgr("-i", "add", "user", "games", "account=physics", user=BOB)
    check(done.returncode == 1, f"a coordinator of chemistry added to physics: {done}")
    must("delete", "user", "games")
    must("delete", "coordinator", BOB, "account=chemistry")


def shares_are_shown():
    done = cluster.must("sshare", "-a", "-n", "-P", "-o", "account,user,rawshares,fairshare")
    lines = [line.strip() for line in done.splitlines()]
    check(f"chemistry|{BOB}|parent|1.000000" in lines, done)
    check("science||50|" in lines, done)


def main():
    global cluster
    if os.geteuid() != 0:
        raise SystemExit(77)
    with Cluster(nodes=1) as cluster:
        harness.main(
            accounts_users_and_qos,
            all_of_it_outlives_the_controller,
            files_come_and_go_whole,
            nobody_overwrites_anybody,
            who_has_no_rights_changes_nothing,
            coordinators_lead_their_accounts,
            shares_are_shown,
        )


if __name__ == "__main__":
    main()
