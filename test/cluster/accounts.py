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


# What is wrong, and what is said of it. As in Slurm, a share, and a limit on a number, below 0
# takes back what was set.
WRONG = (
    ("modify account physics set parent=physics", " Nothing modified"),
    ("modify account root set parent=physics", " Nothing modified"),
    ("modify account physics set parent=nope", "Parent Account nope doesn't exist."),
    ("modify account physics set fairshare=many", "Invalid value for FairShare (many)"),
    ("modify account physics set fairshare=99999999999", "Unknown option: fairshare=99999999999"),
    ("modify account physics set maxjobs=x", "Unknown option: maxjobs=x"),
    ("modify account physics set grptres=cpu=-3", "Unknown option: grptres=cpu=-3"),
    ("modify account physics set grptres=foo=3", "Unknown option: grptres=foo=3"),
    ("modify account physics set grptres=cpu", "Unknown option: grptres=cpu"),
    ("modify account physics set maxwall=-5", "Unknown option: maxwall=-5"),
    ("modify account physics set maxwall=soon", "Unknown option: maxwall=soon"),
    ("modify account physics set defaultqos=nope", "You gave a bad default qos 'nope'"),
    ("modify qos long set flags=nope", "Unknown QOS flag used in:"),
    ("modify qos long set flags=Relative", "Unknown QOS flag used in:"),
    ("modify qos long set flags=NoReserve,nope", "Unknown QOS flag used in:"),
    ("modify qos long set gracetime=-5", "the grace time is out of range"),
    ("modify qos long set preempt=nope", "You gave a bad qos 'nope'."),
    ("modify qos long set preempt=long", "QOS Preemption loop detected"),
    ("modify user nobody set maxjobs=1", " Nothing modified"),
    ("delete account nope", " Nothing deleted"),
    ("delete user nope", " Nothing deleted"),
    ("delete qos nope", " Nothing deleted"),
    ("delete account root", "root"),
)
# The third line and those behind it of a file, and what is said of it.
BROKEN = (
    ("Account - 'x':Fairshare=many", "Problem with line(3)"),
    ("Account - 'x':MaxJobs=many", "Problem with line(3)"),
    ("Account - 'x':GrpTRES=foo=3", "Problem with line(3)"),
    ("Account - 'x':QOS='nope'", "Problem with line(3)"),
    ("Account - 'x':colour=blue", "Problem with line(3)"),
    ("Account - 'x", "Problem with line(3)"),
    ("Fruit - 'x'", "Misformatted line(3)"),
    ("Account 'x'", "Misformatted line(3)"),
    ("Account - ''", "Misformatted line(3)"),
    ("Parent - 'nope'\nAccount - 'x'", "line(3) You need to add this parent (nope)"),
    ("Cluster - 'sluice'", "You can only add one cluster at a time."),
    ("Parent - 'good'\nAccount - 'good'", "it would be below itself"),
    ("Parent - 'good'\nUser - 'mail'\nUser - 'sys':MaxJobs=x", "Problem with line(5)"),
    ("Account - 'x\x01'", "not a valid name"),
)


def wrong_words_change_nothing():
    before, qos = tree(), shown("qos")
    for words, told in WRONG:
        done = sacctmgr("-i", *words.split())
        text = done.stdout + done.stderr
        check(done.returncode == 1 and told in text, f"{words}: {done.returncode}: {text}")
        check(tree() == before and shown("qos") == qos, f"{words} changed something")
    must("modify", "account", "science", "set", "fairshare=-3")
    check("science||1|9|normal|root" in tree(), f"a share below 0 is none: {tree()}")
    must("modify", "account", "science", "set", "fairshare=50")


def broken_files_change_nothing():
    path = os.path.join(cluster.dir, "broken.cfg")
    before = tree()
    for lines, told in BROKEN:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"Cluster - 'sluice'\nAccount - 'good'\n{lines}\n")
        done = sacctmgr("-i", "load", path)
        text = done.stdout + done.stderr
        check(done.returncode == 1 and told in text, f"{lines!r}: {done.returncode}: {text}")
        check(tree() == before, f"{lines!r} changed something")
    os.unlink(path)


def an_account_never_stands_below_itself():
    """As in Slurm, moved below what stands below it, it and what is in between change places."""
    must("modify", "account", "science", "set", "parent=chemistry")
    parents = dict(line.split("|") for line in shown("assoc", "format=account,parentname", "user="))
    check(parents["chemistry"] == "root" and parents["science"] == "chemistry", str(parents))
    must("modify", "account", "chemistry", "set", "parent=science")
    parents = dict(line.split("|") for line in shown("assoc", "format=account,parentname", "user="))
    check(parents["chemistry"] == "science" and parents["science"] == "root", str(parents))


def what_is_in_use_stays():
    words = ("--parsable", "-D/", "-o/dev/null", "-t9", "-Achemistry", "--qos=long")
    job = cluster.must("sbatch", *words, "--wrap", "exec sleep 600", user=ANN).strip()
    cluster.wait_state(int(job), "RUNNING")
    before = tree()
    active = " Error with request: Job(s) active, cancel job(s) before remove\n"
    line = f"  JobID = {job:10} C = sluice     A = chemistry  U = {ANN:9}\n"
    for words in (("account", "chemistry"), ("account", "science"), ("user", ANN)):
        done = sacctmgr("-i", "delete", *words)
        check(
            (done.returncode, done.stdout, done.stderr) == (1, "", active + line),
            f"{words}: {done}",
        )
    done = sacctmgr("-i", "delete", "qos", "long")
    check(done.returncode == 1 and f"(JobId={job})" in done.stderr, str(done))
    check(tree() == before, "something was removed")
    # A limit below what is in use lets it run on.
    must("modify", "account", "chemistry", "set", "grpjobs=0", "grpsubmit=0", "maxwall=1")
    check(cluster.must("squeue", "-h", "-j", job, "-o", "%T").strip() == "RUNNING", "it ended")
    must("modify", "account", "chemistry", "set", "grpjobs=-1", "grpsubmit=-1", "maxwall=-1")
    cluster.must("scancel", job)


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
            wrong_words_change_nothing,
            broken_files_change_nothing,
            an_account_never_stands_below_itself,
            what_is_in_use_stays,
            shares_are_shown,
        )


if __name__ == "__main__":
    main()
