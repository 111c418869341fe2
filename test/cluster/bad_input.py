#!/usr/bin/env python3
"""What a user or an administrator sees who types something wrong: three tables (command lines and
scripts, configurations, starts of daemons), each row with the exit code and the words.

The recorded cases of test/compat hold the exact texts of many more command lines against Slurm's;
here each kind of mistake stands once, beside what Slurm doesn't have.
"""
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import time

import harness
from harness import BIN, Cluster, check, wait_for

cluster: Cluster

SCRIPTS = {
    "ok.sh": "#!/bin/sh\nexit 0\n",
    "empty.sh": "",
    "blank.sh": "  \n",
    "no_interpreter.sh": "echo hi\n",
    "dos.sh": "#!/bin/sh\r\necho hi\r\n",
    "nul.sh": "#!/bin/sh\n\0x\n",
    "bad_option.sh": "#!/bin/sh\n#SBATCH --foo\n",
    "bad_time.sh": "#!/bin/sh\n#SBATCH -t abc\n",
    "leftover.sh": "#!/bin/sh\n#SBATCH -n 2 extra words\n",
}

# command line, exit code, a regular expression that standard error (or output) contains
COMMANDS = (
    ("sbatch --foo ok.sh", 255, r"sbatch: unrecognized option '--foo'"),
    ("sbatch -y ok.sh", 255, r"sbatch: invalid option -- 'y'"),
    ("sbatch --e ok.sh", 255, r"option '--e' is ambiguous"),
    ("sbatch -t", 255, r"option requires an argument -- 't'"),
    ("sbatch --hold=yes ok.sh", 255, r"option '--hold' doesn't allow an argument"),
    ("sbatch nosuch.sh", 1, r"Unable to open file nosuch.sh"),
    ("sbatch empty.sh", 1, r"Batch script is empty!"),
    ("sbatch blank.sh", 1, r"Batch script contains only whitespace!"),
    ("sbatch no_interpreter.sh", 1, r"This does not look like a batch script"),
    ("sbatch dos.sh", 1, r"contains DOS line breaks"),
    ("sbatch nul.sh", 1, r"contain a NULL character"),
    ("sbatch bad_option.sh", 255, r"unrecognized option '--foo'"),
    ("sbatch bad_time.sh", 255, r"Invalid --time specification"),
    ("sbatch -t abc ok.sh", 255, r"Invalid --time specification"),
    ("sbatch -N x ok.sh", 255, r"\"x\" is not a valid node count"),
    ("sbatch -N 4-2 ok.sh", 255, r"Maximum node count 2 is less than minimum"),
    ("sbatch -n x ok.sh", 1, r"[Ii]nvalid numeric value \"x\" for --ntasks"),
    ("sbatch -n -1 ok.sh", 1, r"[Ii]nvalid numeric value \"-1\" for --ntasks"),
    ("sbatch -c 0 ok.sh", 1, r"[Ii]nvalid numeric value \"0\" for --cpus-per-task"),
    ("sbatch --mem=lots ok.sh", 255, r"Invalid --mem specification"),
    ("sbatch --mem-per-cpu=x ok.sh", 255, r"Invalid --mem-per-cpu specification"),
    ("sbatch --begin=yesterdayish ok.sh", 255, r"Invalid --begin specification"),
    ("sbatch --deadline=x ok.sh", 255, r"Invalid --deadline specification"),
    ("sbatch --signal=FOO@x ok.sh", 255, r"Invalid --signal specification|signal"),
    ("sbatch --mail-type=x ok.sh", 255, r"Invalid --mail-type specification"),
    ("sbatch --open-mode=x ok.sh", 255, r"Invalid --open-mode specification"),
    ("sbatch --export-file=nosuch ok.sh", 1, r"nosuch"),
    ("sbatch --nice=x ok.sh", 255, r"[Ii]nvalid --nice"),
    ("sbatch --mem=1T ok.sh", 1, r"Memory specification can not be satisfied|node configuration"),
    ("sbatch --array=x ok.sh", 1, r"Invalid job array specification"),
    ("sbatch --array=1-9999999 ok.sh", 1, r"Invalid job array specification"),
    ("sbatch -p nosuch ok.sh", 1, r"invalid partition specified|Invalid partition name"),
    ("sbatch -w nosuch ok.sh", 1, r"Invalid node name specified"),
    ("sbatch -N 99 ok.sh", 1, r"Requested node configuration is not available|More processors"),
    ("sbatch -C nosuch ok.sh", 1, r"Invalid feature specification"),
    ("sbatch --gres=nosuch ok.sh", 1, r"Invalid generic resource"),
    ("sbatch --dependency=afterok:999999 ok.sh", 1, r"Job dependency problem"),
    ("sbatch --dependency=sometime:1 ok.sh", 1, r"Job dependency problem"),
    ("sbatch --container-image=x --container=/y ok.sh", 1, r"are mutually exclusive"),
    ("srun --container-mounts=abc true", 255, r"Invalid --container-mounts specification"),
    ("srun --container-unshare=pid true", 255, r"Invalid --container-unshare specification"),
    ("srun --container-save=/x true", 1, r"--container-save needs --container-image"),
    ("srun --container-image= true", 255, r"Invalid --container-image specification"),
    ("sbatch --reservation=r ok.sh", 1, r"reservation"),
    ("srun", 1, r"No command given|nothing to"),
    ("srun --foo hostname", 255, r"unrecognized option '--foo'"),
    ("srun -N x hostname", 255, r"node count|nodes"),
    ("srun --mpi=nosuch hostname", 1, r"Couldn't find the specified plugin name for mpi/nosuch"),
    ("srun --cpu-bind=nosuch hostname", 1, r"unrecognized --cpu-bind argument"),
    ("srun --jobid=999999 hostname", 1, r"Invalid job id specified"),
    ("srun -t 0:0:x hostname", 255, r"Invalid --time specification"),
    ("srun -m nosuch hostname", 255, r"distribution"),
    ("srun --multi-prog nosuch.conf", 1, r"nosuch.conf"),
    ("salloc --foo", 255, r"unrecognized option '--foo'"),
    ("salloc -N 99 true", 1, r"Job allocate|allocat|node configuration"),
    ("squeue --foo", 1, r"unrecognized option '--foo'"),
    ("squeue -j x", 1, r"[Ii]nvalid job id"),
    ("squeue -t NOSUCH", 1, r"Invalid job state specified: NOSUCH"),
    ("squeue -S nosuch,", 1, r"[Ii]nvalid sort|sort"),
    ("sinfo --foo", 1, r"unrecognized option '--foo'"),
    ("sinfo -t nosuch", 1, r"[Bb]ad state|nosuch"),
    ("scancel", 1, r"No job identification provided"),
    ("scancel x", 1, r"Invalid job id x"),
    ("scancel -s NOSUCH 1", 1, r"Unknown job signal: NOSUCH|signal"),
    ("scancel -v 999999", 0, r"Invalid job id specified"),
    ("scontrol nosuch", 1, r"invalid keyword: nosuch"),
    ("scontrol show job 999999", 1, r"Invalid job id specified"),
    ("scontrol show node nosuch", 1, r"Node nosuch not found|not found"),
    ("scontrol show partition nosuch", 1, r"Partition nosuch not found|not found"),
    ("scontrol update nodename=n1 state=nosuch", 1, r"Invalid input: state=nosuch"),
    ("scontrol update nodename=nosuch state=idle", 1, r"Invalid node name specified"),
    ("scontrol update nodename=n1 state=drain", 1, r"reason|Reason"),
    ("scontrol update jobid=999999 nice=1", 1, r"Invalid job id specified"),
    ("scontrol update nosuch=1", 1, r"No valid entity in update command|[Ii]nvalid"),
    ("scontrol hold 999999", 1, r"Invalid job id specified"),
    ("scontrol requeue x", 1, r"[Ii]nvalid job id"),
    ("sacct --foo", 1, r"unrecognized option '--foo'"),
    ("sacct -o nosuch", 1, r"Invalid field requested: \"nosuch\""),
    ("sacct -S nosuch", 1, r"[Ii]nvalid time specification"),
    ("sluice nosuch", 106, r"[Ss]ubcommand"),
    ("sluice up --nodes 0", 105, r"--nodes"),
    ("sluice up --memory-per-node x --dir /var/tmp/sluice-never", 1, r"not a size"),
)

NODES = (
    "nodes:\n  - node_name: n1\n    cpus: 2\npartitions:\n  - partition_name: p\n    nodes: ALL\n"
)

# sluice.yaml, what `sluice up --config` says of it (the file's name stands before)
CONFIGURATIONS = (
    ("nosuch_key: 1\n" + NODES, r":1: unknown key nosuch_key"),
    (NODES + "    nosuch: 1\n", r":7: unknown key nosuch"),
    ("kill_wait: soon\n" + NODES, r":1: kill_wait: expected a number of seconds, not \"soon\""),
    ("cluster_name: a\ncluster_name: b\n" + NODES, r":2: cluster_name: expected each key once"),
    ("slurmctld_port: 99999\n" + NODES, r":1: slurmctld_port: expected a port number"),
    ("prolog: relative/path\n" + NODES, r":1: prolog: expected an absolute path"),
    ("scheduler_parameters: nosuch=1\n" + NODES, r":1: scheduler_parameters: expected bf_window"),
    ("constrain_cores: maybe\n" + NODES, r":1: constrain_cores: expected yes or no"),
    ("first_job_id: 0\n" + NODES, r": first_job_id: expected a number from 1"),
    ("return_to_service: 7\n" + NODES, r": return_to_service: expected 0, 1 or 2"),
    ("nodes: 3\npartitions: []\n", r":1: nodes: expected a list of nodes"),
    ("nodes: [[[\n", r":\d+: "),
    ("\t- x: [", r":\d+: "),
    ("just words\n", r":1: expected a mapping of keys and values"),
    ("", r":1: expected a mapping of keys and values"),
    ("cluster_name: x\n", r": nodes: expected at least one node"),
    ("nodes:\n  - node_name: n1\n    cpus: 2\n", r": partitions: expected at least one partition"),
    (NODES.replace("ALL", "n7"), r":5: partitions: expected nodes that exist, not \"n7\""),
    (NODES.replace("cpus: 2", "cpus: two"), r":3: cpus: expected a whole number, not \"two\""),
    (NODES.replace("cpus: 2", "cpus: 3\n    sockets: 2"), r":2: nodes: expected cpus to be a mult"),
    (NODES.replace("n1", "'n[1-'"), r":2: nodes: expected node_name with host names"),
    (
        NODES.replace("cpus: 2", "cpus: 2\n  - node_name: n1"),
        r":\d+: nodes: expected each node once",
    ),
    (NODES + "  - partition_name: p\n", r":\d+: partitions: expected each partition once"),
    (NODES + "    state: SIDEWAYS\n", r":7: state: expected one of UP, DOWN, DRAIN, INACTIVE"),
    (NODES + "    max_time: forever\n", r":7: max_time: expected a time"),
    (NODES.replace("cpus: 2", "real_memory: much"), r":3: real_memory: expected an amount of mem"),
    (NODES.replace("cpus: 2", "gres: ':::'"), r":3: gres: expected name\[:type\]:count"),
)


def command_lines():
    for name, content in SCRIPTS.items():
        (cluster.work / name).write_text(content)
    wrong = []
    for line, code, words in COMMANDS:
        done = cluster.run(*line.split(), timeout=20)
        said = done.stderr + done.stdout
        if done.returncode != code or not re.search(words, said):
            wrong.append(f"{line}: exit {done.returncode}, not {code}: {said.strip()[:200]!r}")
    check(not wrong, f"{len(wrong)} of {len(COMMANDS)}:\n  " + "\n  ".join(wrong))


def limits_of_sizes():
    big = cluster.work / "big.sh"
    big.write_text("#!/bin/sh\n" + "# padding\n" * 500_000)
    done = cluster.run("sbatch", big)
    check(done.returncode == 1 and "too large" in done.stderr.lower(), f"5 MB script: {done}"[:300])
    done = cluster.run("sbatch", "--mem=10M", "-J", "x" * 5000, "--wrap", "true")
    check(done.returncode == 1 and "too long" in done.stderr.lower(), f"job name: {done.stderr}")


def configurations():
    path = cluster.work / "bad.yaml"
    wrong = []
    for content, words in CONFIGURATIONS:
        path.write_text(content)
        target = cluster.work / "never"
        done = cluster.run("sluice", "up", "--dir", target, "--config", path)
        if done.returncode == 0 or not re.search(re.escape(str(path)) + words, done.stderr):
            wrong.append(f"{content!r}: exit {done.returncode}: {done.stderr.strip()[:200]!r}")
        check(not (target / "controller" / "pid").exists(), f"{content!r} started a daemon")
        cluster.run("sluice", "down", "--dir", target)
        shutil.rmtree(target, ignore_errors=True)
    check(not wrong, f"{len(wrong)} of {len(CONFIGURATIONS)}:\n  " + "\n  ".join(wrong))


def reconfigure_is_all_or_nothing():
    path = cluster.dir / "sluice.yaml"
    good = path.read_text()
    heavier = good.replace("node_name: n[1-2]", "node_name: n[1-2]\n    weight: 5")

    def weight():
        return cluster.must("sinfo", "-h", "-n", "n1", "-o", "%w").strip()

    path.write_text(heavier + "x: 1\n")
    done = cluster.run("scontrol", "reconfigure")
    check(done.returncode != 0 and "unknown key x" in done.stderr, f"reconfigure: {done}")
    check(weight() == "1", "half of it was taken")
    path.write_text(heavier)
    cluster.must("scontrol", "reconfigure")
    wait_for(lambda: weight() == "5", 10, "the new weight")
    path.write_text(good)
    cluster.must("scontrol", "reconfigure")


def down_needs_no_configuration():
    path = cluster.dir / "sluice.yaml"
    good = path.read_text()
    path.write_text("nosuch_key: 1\n")
    cluster.must("sluice", "down", "--dir", cluster.dir)
    path.write_text(good)
    cluster.up()


def start_controller(folder, *options):
    """Must not stay: the exit code and what it says on standard error."""
    return subprocess.run(
        [BIN / "sluicectld", "--dir", folder, *map(str, options)],
        text=True,
        capture_output=True,
        timeout=20,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def expect_no_start(done, words):
    said = done.stdout + done.stderr
    check(done.returncode != 0, f"started: {said}")
    check(re.search(words, said), f"says {said!r}, nothing like {words!r}")
    check(len(said.strip().splitlines()) <= 3, f"more than a clear line: {said}")


def copy_of_controller(name):
    target = cluster.work / name
    shutil.copytree(
        cluster.dir / "controller",
        target,
        ignore=lambda _, names: [n for n in names if n.endswith((".sock", ".lock"))],
    )
    shutil.copy(cluster.dir / "sluice.yaml", target / "sluice.yaml")
    return target


def second_controller_on_the_same_state():
    done = start_controller(
        cluster.dir / "controller", "--config", cluster.dir / "sluice.yaml", "--port", 0
    )
    expect_no_start(done, r"in use|another|locked|already")
    check("UP" in cluster.must("scontrol", "ping"), "the first one was disturbed")


def port_in_use():
    folder = copy_of_controller("port")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        expect_no_start(start_controller(folder, "--port", port), rf"{port}.*in use|in use.*{port}")


def broken_database():
    for name, content in (
        ("garbage", b"this is no database" * 1000),
        ("short", b"SQLite format 3\0"),
    ):
        folder = copy_of_controller(name)
        for path in (folder / "state").iterdir():
            path.unlink()
        (folder / "state" / "sluice.db").write_bytes(content)
        expect_no_start(start_controller(folder, "--port", 0), r"sluice\.db")
        check((folder / "state" / "sluice.db").read_bytes() == content, "the file was changed")
    folder = copy_of_controller("newer")
    with sqlite3.connect(folder / "state" / "sluice.db") as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()
    expect_no_start(start_controller(folder, "--port", 0), r"newer|version")


def wrong_permissions():
    folder = copy_of_controller("loose")
    (folder / "controller.key").chmod(0o644)
    expect_no_start(start_controller(folder, "--port", 0), r"controller\.key")
    if os.geteuid() == 0:
        folder = copy_of_controller("foreign")
        folder.chmod(0o755)
        done = subprocess.run(
            [BIN / "sluicectld", "--dir", folder, "--port", "0"],
            text=True,
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            timeout=20,
            check=False,
        )
        expect_no_start(done, r"[Pp]ermission denied")


def missing_files():
    empty = cluster.work / "empty"
    empty.mkdir()
    expect_no_start(start_controller(empty), r"sluice\.yaml|No such file")
    done = subprocess.run(
        [BIN / "sluiced", "--dir", empty], text=True, capture_output=True, timeout=20, check=False
    )
    expect_no_start(done, r"agent\.conf")
    (empty / "agent.conf").write_text("name: n1\nport: many\n")
    done = subprocess.run(
        [BIN / "sluiced", "--dir", empty], text=True, capture_output=True, timeout=20, check=False
    )
    expect_no_start(done, r"agent\.conf|port|controller")


def commands_without_a_cluster():
    for line in ("sinfo", "squeue", "scontrol show node", "sacct", "scancel 1"):
        done = cluster.run(*line.split(), env={"SLUICE_CONF": "/nonexistent"}, timeout=60)
        check(
            done.returncode == 1 and done.stderr and len(done.stderr.splitlines()) <= 3,
            f"{line}: exit {done.returncode}: {done.stderr!r}",
        )
    done = cluster.run("sluice", "down", "--dir", cluster.work / "nothing")
    check(done.returncode != 0 and done.stderr, f"down of nothing: {done}")


def srun_needs_the_hosts_agent():
    conf = cluster.work / "controller_only.conf"
    conf.write_text(f"controller_socket: {cluster.dir}/controller/controller.sock\n")
    own = {"SLUICE_CONF": str(conf)}
    cluster.must("squeue", env=own)
    begun = time.monotonic()
    done = cluster.run("srun", "--mem=5M", "true", env=own, timeout=60)
    check(time.monotonic() - begun < 5, "srun went on trying")
    check(
        done.returncode == 1 and "names no agent_socket" in done.stderr,
        f"srun without an agent: exit {done.returncode}: {done.stderr!r}",
    )


def main():
    global cluster
    with Cluster(nodes=2, cpus=4, memory="1G") as cluster:
        harness.main(
            command_lines,
            limits_of_sizes,
            configurations,
            reconfigure_is_all_or_nothing,
            down_needs_no_configuration,
            second_controller_on_the_same_state,
            port_in_use,
            broken_database,
            wrong_permissions,
            missing_files,
            commands_without_a_cluster,
            srun_needs_the_hosts_agent,
        )


if __name__ == "__main__":
    main()
