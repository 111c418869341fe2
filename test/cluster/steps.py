#!/usr/bin/env python3
"""Steps as their user sees them: srun in and out of an allocation, its input and output, labels,
signals, terminals, exit codes; salloc. Each function is a test. One cluster of two nodes for all.
"""
import os
import re
import signal
import subprocess

import harness
from harness import Cluster, check, wait_for

cluster: Cluster


def srun(*words, **options):
    return cluster.run("srun", "--mem=10M", *words, **options)


def expect(done, code=0, out=None, err=None):
    check(
        done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout}{done.stderr}"
    )
    if out is not None:
        check(done.stdout == out, f"stdout {done.stdout!r}, not {out!r}")
    if err is not None:
        check(re.search(err, done.stderr), f"stderr {done.stderr!r} is not like {err!r}")


def start(*words, **options):
    return subprocess.Popen(
        [str(w) for w in words],
        env=cluster.environment,
        cwd=cluster.work,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def exit_codes_and_signals():
    expect(srun("true"))
    expect(srun("sh", "-c", "exit 7"), 7, err=r"srun: error: n\d: task 0: Exited with exit code 7")
    expect(srun("-n2", "sh", "-c", "exit $SLURM_PROCID"), 1)
    expect(srun("sh", "-c", "kill -9 $$"), 137, err=r"task 0: Killed")
    expect(srun("/nonexistent/program"), 2, err=r"No such file or directory")
    expect(srun("/etc/passwd"), 13, err=r"Permission denied")


def labels_and_many_tasks():
    done = srun("-N2", "-n8", "-l", "sh", "-c", "echo one; echo two >&2; echo three")
    expect(done)
    lines = sorted(done.stdout.splitlines())
    check(lines == sorted([f"{i}: {w}" for i in range(8) for w in ("one", "three")]), f"{lines}")
    check(sorted(done.stderr.splitlines()) == [f"{i}: two" for i in range(8)], done.stderr)


def big_output_is_whole():
    done = srun("-N2", "-n4", "-l", "seq", "1", "20000")
    expect(done)
    for task in range(4):
        mine = [
            line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith(f"{task}: ")
        ]
        check(mine == [str(i) for i in range(1, 20001)], f"task {task}: {len(mine)} lines")


def standard_input():
    expect(srun("cat", stdin="hello\n"), out="hello\n")
    done = srun("-n4", "-N2", "cat", stdin="x\n")
    expect(done, out="x\n" * 4)
    expect(srun("-n4", "-N2", "--input=2", "-l", "cat", stdin="only\n"), out="2: only\n")
    expect(srun("--input=none", "cat", stdin="x\n"), out="")
    data = "line of input\n" * 50000
    expect(srun("wc", "-c", stdin=data), out=f"{len(data)}\n")
    (cluster.work / "input").write_text("from a file\n")
    expect(srun("-i", "input", "cat"), out="from a file\n")


def output_files():
    expect(srun("-n4", "-N2", "-o", "out-%j.%s-%t-%n-%N", "hostname"), out="")
    names = sorted(p.name for p in cluster.work.glob("out-*"))
    check(
        [re.sub(r"out-\d+\.", "", n) for n in names]
        == ["0-0-0-n1", "0-1-0-n1", "0-2-0-n1", "0-3-1-n2"],
        f"files {names}",
    )
    expect(srun("-n2", "-o", "none", "hostname"), out="")
    check(not (cluster.work / "none").exists(), "-o none made a file")
    expect(srun("-o", "all.out", "-e", "all.err", "sh", "-c", "echo a; echo b >&2"), out="")
    check((cluster.work / "all.err").read_text() == "b\n", "-e file")


def pseudo_terminal():
    inner = "srun --mem=10M --pty sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all terminals'"
    done = cluster.run("script", "-qec", inner, "/dev/null")
    expect(done)
    check("all terminals" in done.stdout, f"--pty printed {done.stdout!r}")
    done = cluster.run(
        "script", "-qec", "srun --mem=10M --pty sh -c 'stty size; exit 3'", "/dev/null"
    )
    check(done.returncode == 3, f"--pty exit {done.returncode}")


def interrupt():
    step = start("srun", "--mem=10M", "-n2", "sh", "-c", "echo up; exec sleep 600")
    check(step.stdout.readline() == "up\n", "no start")
    check(step.stdout.readline() == "up\n", "no start of the second")
    step.send_signal(signal.SIGINT)
    check("interrupt (one more within 1 sec to abort)" in step.stderr.readline(), "first Ctrl-C")
    step.send_signal(signal.SIGINT)
    out, err = step.communicate(timeout=40)
    check("sending Ctrl-C" in err, f"second Ctrl-C: {err!r}")
    check(re.search(r"Job step aborted: Waiting up to \d+ seconds", err), f"after it: {err!r}")
    check(step.returncode in (4, 130, 143), f"srun exited with {step.returncode} {out!r}")


def forwarded_signal():
    step = start(
        "srun",
        "--mem=10M",
        "sh",
        "-c",
        "trap 'echo usr1; exit 3' USR1; echo up; while :; do sleep 0.1; done",
    )
    check(step.stdout.readline() == "up\n", "no start")
    step.send_signal(signal.SIGUSR1)
    out, _ = step.communicate(timeout=30)
    check(out == "usr1\n" and step.returncode == 3, f"{out!r}, exit {step.returncode}")


def kill_on_bad_exit_and_wait():
    done = srun("-n2", "-K1", "sh", "-c", "[ $SLURM_PROCID = 0 ] && exit 5; sleep 600")
    check(done.returncode != 0, "-K1 and a bad exit")
    done = srun("-n2", "-W1", "sh", "-c", "[ $SLURM_PROCID = 0 ] && exit 0; sleep 600")
    expect(done, 143, err="task 1: Terminated")


def steps_inside_an_allocation():
    script = (
        "srun -n2 --exact --mem=5M hostname; srun -N1 -n1 -r1 printenv SLURMD_NODENAME; "
        "srun -n4 printenv SLURM_STEP_NODELIST; srun -w n2 -N1 -n1 printenv SLURMD_NODENAME"
    )
    done = cluster.run("salloc", "-N2", "-n4", "--mem=100M", "bash", "-c", script)
    expect(done, err=r"salloc: Granted job allocation \d+")
    check(done.stdout.splitlines()[2:3] == ["n2"], done.stdout)
    check(done.stdout.count("n[1-2]\n") == 4, done.stdout)
    check(done.stdout.endswith("n2\n"), done.stdout)


def exclusive_steps_wait_and_overlap_does_not():
    script = (
        "srun -n1 --exact --mem=5M sh -c 'echo a >>order; read x <hold; echo b >>order' & "
        "until [ -e order ]; do sleep 0.02; done; "
        "srun -n1 --overlap --mem=5M sh -c 'echo over >>order'; "
        "srun -n1 --exact --mem=5M sh -c 'echo c >>order' & "
        "until srun -n1 --overlap --mem=1M true; do :; done; echo go >hold; wait; wait"
    )
    os.mkfifo(cluster.work / "hold")
    done = cluster.run("salloc", "-N1", "-n1", "--mem=50M", "bash", "-c", script, timeout=60)
    expect(done)
    seen = (cluster.work / "order").read_text().split()
    check(seen == ["a", "over", "b", "c"], f"order {seen} {done.stderr}")


def immediate_step_is_refused():
    done = cluster.run("salloc", "-n1", "--mem=50M", "srun", "-n3", "true")
    expect(done, 1, err="More processors requested than permitted")
    done = cluster.run("salloc", "-N1", "-n1", "--mem=50M", "srun", "--mem=200M", "true")
    check(done.returncode != 0, "a step above its job's memory ran")


def multi_prog():
    (cluster.work / "prog.conf").write_text("0 echo zero %t\n1-2 echo some %t %o\n* echo rest\n")
    done = srun("-n4", "-l", "--multi-prog", "prog.conf")
    expect(done)
    check(
        sorted(done.stdout.splitlines()) == ["0: zero 0", "1: some 1 0", "2: some 2 1", "3: rest"],
        done.stdout,
    )


def distribution():
    """Without a number per node the first node is filled, and one task is left for each other."""
    even = "--ntasks-per-node=2"
    for options, nodes in (
        (("-m", "block"), "0001"),
        (("-m", "cyclic"), "0100"),
        (("-m", "block", even), "0011"),
        (("-m", "cyclic", even), "0101"),
        (("-m", "plane=1", even), "0101"),
    ):
        # What still ends on a node would shift the CPUs that the next job gets.
        wait_for(
            lambda: set(cluster.must("sinfo", "-h", "-o", "%T").split()) == {"idle"},
            30,
            "idle nodes",
        )
        done = srun("-N2", "-n4", *options, "-l", "printenv", "SLURM_NODEID")
        expect(done)
        seen = "".join(line.split(": ")[1] for line in sorted(done.stdout.splitlines()))
        check(seen == nodes, f"{options}: node ids {seen}, not {nodes}")


def prologs_and_epilogs():
    for name in ("prolog", "epilog"):
        path = cluster.work / name
        path.write_text(f"#!/bin/sh\necho {name} >>{cluster.work}/hooks\n")
        path.chmod(0o755)
    task = cluster.work / "task_prolog"
    task.write_text("#!/bin/sh\necho export FROM_PROLOG=yes\necho print said\n")
    task.chmod(0o755)
    expect(srun("--prolog=./prolog", "--epilog=./epilog", "true"))
    check((cluster.work / "hooks").read_text() == "prolog\nepilog\n", "srun's own hooks")
    done = srun(f"--task-prolog={task}", "sh", "-c", "echo $FROM_PROLOG")
    expect(done, out="said\nyes\n")


def salloc_command_and_exit_code():
    done = cluster.run("salloc", "-n1", "--mem=20M", "sh", "-c", "exit 9")
    check(done.returncode == 9, f"salloc exited with {done.returncode}")
    check(
        re.fullmatch(
            r"(salloc: .*\n)*salloc: Granted job allocation (\d+)\n"
            r"salloc: Relinquishing job allocation \2\n",
            done.stderr,
        ),
        done.stderr,
    )
    shell = start("salloc", "-n1", "--mem=20M", "-J", "kept", "sleep", "600")
    wait_for(lambda: "R" in cluster.must("squeue", "-h", "-n", "kept", "-o", "%t"), 20, "salloc")
    cluster.must("scancel", "-n", "kept")
    _, err = shell.communicate(timeout=60)
    check("Job allocation" in err and "has been revoked" in err, err)
    done = cluster.run("salloc", "-N2", "--no-shell", "--mem=20M")
    job = re.search(r"Granted job allocation (\d+)", done.stderr).group(1)
    expect(cluster.run("srun", f"--jobid={job}", "-N2", "printenv", "SLURMD_NODENAME"))
    cluster.must("scancel", job)
    cluster.wait_end(job)


def immediate_and_busy():
    holder = cluster.submit("--exclusive", "-N2", wrap="sleep 600")
    cluster.wait_state(holder, "RUNNING")
    done = cluster.run("srun", "--mem=10M", "-I1", "true")
    check(done.returncode != 0, "srun -I ran on a busy cluster")
    check("Unable to allocate resources" in done.stderr, done.stderr)
    cluster.must("scancel", holder)
    cluster.wait_end(holder)


def main():
    global cluster
    with Cluster(nodes=2, cpus=4, memory="1G") as cluster:
        harness.main(
            exit_codes_and_signals,
            labels_and_many_tasks,
            big_output_is_whole,
            standard_input,
            output_files,
            pseudo_terminal,
            interrupt,
            forwarded_signal,
            kill_on_bad_exit_and_wait,
            steps_inside_an_allocation,
            exclusive_steps_wait_and_overlap_does_not,
            immediate_step_is_refused,
            multi_prog,
            distribution,
            prologs_and_epilogs,
            salloc_command_and_exit_code,
            immediate_and_busy,
        )


if __name__ == "__main__":
    main()
