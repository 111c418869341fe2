#!/usr/bin/env python3
"""The life of batch jobs as their user sees it: arrays, dependencies, hold, requeue, suspend,
limits, signals, exit codes, output files. Each function is a test; name one on the command line to
run it alone. One cluster of two nodes serves all of them.
"""
import os
import pathlib
import re
import subprocess

import harness
from harness import Cluster, check, wait_for

IS_ROOT = os.geteuid() == 0
cluster: Cluster
late: int
lost: subprocess.Popen


def file(name):
    return cluster.work / name


def text(name):
    path = file(name)
    return path.read_text() if path.exists() else ""


def gate(name):
    """A fifo that a job waits at: `read x <gate` goes on when open_gate() writes to it."""
    path = file(name)
    os.mkfifo(path)
    path.chmod(0o666)
    return path


def open_gate(path):
    with open(path, "w", encoding="ascii") as fifo:
        fifo.write("go\n")


def show(job):
    """The fields of `scontrol show job`."""
    out = cluster.must("scontrol", "show", "job", str(job))
    return dict(re.findall(r"(\S+?)=(\S*)", out))


def account(job, *fields):
    """Fields of sacct's allocation row."""
    out = cluster.must("sacct", "-X", "-n", "-P", "-j", str(job), "-o", ",".join(fields))
    return out.split("\n")[0].split("|")


def expect_end(job, state, code, seconds=60):
    cluster.wait_end(job, seconds=seconds)
    seen = account(job, "state", "exitcode")
    check(
        seen[0].split(" ")[0] == state and seen[1] == code,
        f"job {job} ended as {seen}, not {state} {code}",
    )


def exit_codes():
    for wrap, state, code in (
        ("true", "COMPLETED", "0:0"),
        ("exit 7", "FAILED", "7:0"),
        ("exit 255", "FAILED", "255:0"),
        ("kill -9 $$", "FAILED", "0:9"),
        ("kill -TERM $$", "FAILED", "0:15"),
        ("srun --mem=5M sh -c 'exit 3'", "FAILED", "3:0"),
        ("srun --mem=5M sh -c 'exit 3'; exit 0", "COMPLETED", "0:0"),
    ):
        expect_end(cluster.submit(wrap=wrap), state, code)


def sbatch_wait_returns_the_exit_code():
    done = cluster.run("sbatch", "--wait", "--mem=20M", "-o", "/dev/null", "--wrap", "exit 5")
    check(done.returncode == 5, f"sbatch --wait exited with {done.returncode}")


def array_tasks_and_percent():
    job = cluster.submit(
        "--array=1-7:2%1",
        "-o",
        str(file("arr-%A_%a.out")),
        wrap="echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID "
        "$SLURM_ARRAY_TASK_COUNT $SLURM_ARRAY_TASK_MIN "
        "$SLURM_ARRAY_TASK_MAX $SLURM_ARRAY_TASK_STEP; "
        "mkdir one || exit 9; rmdir one",
    )
    wait_for(lambda: not cluster.must("squeue", "-h", "-j", job), 60, "the array's end")
    for task in (1, 3, 5, 7):
        seen = text(f"arr-{job}_{task}.out")
        check(seen == f"{job} {task} 4 1 7 2\n", f"task {task} printed {seen!r}")
    rows = cluster.must("sacct", "-X", "-n", "-P", "-j", job, "-o", "jobid,state").split()
    check(sorted(rows) == [f"{job}_{i}|COMPLETED" for i in (1, 3, 5, 7)], f"sacct says {rows}")


def array_pending_is_one_line():
    job = cluster.submit("--array=0-9", "--hold")
    rows = cluster.must("squeue", "-h", "-j", job, "-o", "%i").split()
    check(rows == [f"{job}_[0-9]"], f"squeue shows {rows}")
    rows = cluster.must("squeue", "-h", "-r", "-j", job, "-o", "%i").split()
    check(len(rows) == 10, f"squeue -r shows {rows}")
    cluster.must("scancel", f"{job}_[2-4]")
    rows = cluster.must("squeue", "-h", "-j", job, "-o", "%i").split()
    check(rows == [f"{job}_[0-1,5-9]"], f"after scancel of tasks squeue shows {rows}")
    cluster.must("scancel", job)
    wait_for(lambda: not cluster.must("squeue", "-h", "-j", job), 20, "the array's end")


def dependencies():
    door = gate("dependencies")
    first = cluster.submit(wrap=f"read x <{door}; exit 1")
    afterok = cluster.submit(f"--dependency=afterok:{first}", "--kill-on-invalid-dep=yes")
    afternotok = cluster.submit(f"--dependency=afternotok:{first}")
    afterany = cluster.submit(f"--dependency=afterany:{first}")
    never = cluster.submit(f"--dependency=afterok:{first}")
    either = cluster.submit(f"--dependency=afterok:{first}?afterany:{first}")
    cluster.wait_state(first, "RUNNING")
    reason = cluster.must("squeue", "-h", "-j", afterany, "-o", "%t %r").strip()
    check(reason == "PD Dependency", f"a waiting job shows {reason}")
    open_gate(door)
    for job in (afternotok, afterany, either):
        expect_end(job, "COMPLETED", "0:0")
    cluster.wait_state(afterok, "CANCELLED")
    wait_for(
        lambda: cluster.must("squeue", "-h", "-j", never, "-o", "%r").strip()
        == "DependencyNeverSatisfied",
        20,
        "DependencyNeverSatisfied",
    )
    cluster.must("scancel", never)


def singleton_and_aftercorr():
    door = gate("singleton")
    one = cluster.submit("-J", "single", "--dependency=singleton", wrap=f"read x <{door}")
    two = cluster.submit("-J", "single", "--dependency=singleton")
    cluster.wait_state(one, "RUNNING")
    check(cluster.state(two) == "PENDING", "the second singleton doesn't wait")
    open_gate(door)
    expect_end(two, "COMPLETED", "0:0")
    array = cluster.submit("--array=1-2", wrap="exit $((SLURM_ARRAY_TASK_ID - 1))")
    corr = cluster.submit("--array=1-2", f"--dependency=aftercorr:{array}")
    cluster.wait_state(f"{corr}_1", "COMPLETED")
    check(cluster.state(f"{corr}_2") == "PENDING", "aftercorr started after a failed task")
    cluster.must("scancel", corr)


def hold_and_release():
    job = cluster.submit("--hold")
    seen = cluster.must("squeue", "-h", "-j", job, "-o", "%r").strip()
    check(seen in ("JobHeldUser", "JobHeldAdmin"), f"a held job shows {seen}")
    cluster.must("scontrol", "release", job)
    expect_end(job, "COMPLETED", "0:0")
    job = cluster.submit("--begin=now+1hour")
    cluster.must("scontrol", "hold", job)
    check(show(job)["Priority"] == "0", "a held job has a priority")
    cluster.must("scontrol", "release", job)
    seen = cluster.must("squeue", "-h", "-j", job, "-o", "%r").strip()
    check(seen == "BeginTime", f"a job with a begin time shows {seen}")
    cluster.must("scontrol", "update", f"jobid={job}", "starttime=now")
    expect_end(job, "COMPLETED", "0:0")


def requeue_counts_restarts():
    door = gate("requeue")
    job = cluster.submit(
        "--requeue",
        "-o",
        str(file("requeue.out")),
        "--open-mode=append",
        wrap=f"echo run ${{SLURM_RESTART_COUNT:-none}}; read x <{door}; exit 4",
    )
    wait_for(lambda: text("requeue.out") == "run none\n", 30, "the first run")
    cluster.must("scontrol", "requeue", job)
    wait_for(lambda: text("requeue.out").endswith("run 1\n"), 60, "the second run")
    check(show(job)["Restarts"] == "1", "Restarts isn't 1")
    open_gate(door)
    expect_end(job, "FAILED", "4:0")
    rows = cluster.must("sacct", "-X", "-D", "-n", "-P", "-j", job, "-o", "state").split()
    check(rows == ["REQUEUED", "FAILED"], f"sacct -D says {rows}")
    refused = cluster.submit("--no-requeue", wrap=f"read x <{door}")
    cluster.wait_state(refused, "RUNNING")
    done = cluster.run("scontrol", "requeue", refused)
    check(done.returncode != 0, "a job of --no-requeue was requeued")
    open_gate(door)
    cluster.wait_end(refused)


def special_exit_waits_for_a_release():
    job = cluster.submit("-o", "/dev/null", wrap="exit 3")
    expect_end(job, "FAILED", "3:0")
    cluster.must("scontrol", "requeue", "State=SpecialExit", job)
    seen = cluster.must("squeue", "-h", "-j", job, "-o", "%t %r %Q").strip()
    check(seen == "SE job requeued in special exit state 0", f"squeue shows {seen}")
    check(show(job)["ExitCode"] == "3:0", "the former exit code isn't shown")
    waits = cluster.submit("--begin=now+1hour", wrap="true")
    done = cluster.run("scontrol", "requeue", "State=SpecialExit", waits)
    check("Job is pending execution" in done.stderr, f"a waiting job: {done.stderr}")
    cluster.must("scancel", waits)
    cluster.must("scontrol", "release", job)
    expect_end(job, "FAILED", "3:0")


def suspend_and_resume():
    if not IS_ROOT:
        return
    job = cluster.submit(
        "-o",
        str(file("suspend.out")),
        wrap="trap 'exit 6' USR1; echo up; while :; do sleep 0.1; done",
    )
    wait_for(lambda: text("suspend.out"), 30, "the job's start")
    cluster.must("scontrol", "suspend", job)
    cluster.wait_state(job, "SUSPENDED")
    pid = next(
        p for p, line in harness.processes() if "slurm_script" in line or f"job{job:05d}" in line
    )
    check(pathlib.Path(f"/proc/{pid}/wchan").exists(), "the script is gone")
    cluster.must("scontrol", "resume", job)
    cluster.wait_state(job, "RUNNING")
    cluster.must("scancel", "-b", "-s", "USR1", job)
    expect_end(job, "FAILED", "6:0")


def time_limit():
    """The late job was submitted before all else, for limits are whole minutes."""
    warned = cluster.submit(
        "--time=1",
        "--signal=B:USR1@58",
        "-o",
        str(file("warned.out")),
        wrap="trap 'echo warned; exit 8' USR1; while :; do sleep 0.1; done",
    )
    expect_end(warned, "FAILED", "8:0", seconds=90)
    check(text("warned.out") == "warned\n", "--signal=B:USR1 didn't arrive")
    check(show(late)["TimeLimit"] == "00:01:00", "a limit of one second is not a minute")
    expect_end(late, "TIMEOUT", "0:0", seconds=90)


def memory_limit():
    if not IS_ROOT:
        return
    job = cluster.submit("--mem=30M", wrap="x=$(head -c 200M /dev/zero | tr '\\0' x); echo ${#x}")
    cluster.wait_end(job)
    check(cluster.state(job) == "OUT_OF_MEMORY", f"the hungry job is {cluster.state(job)}")


def cancel():
    job = cluster.submit(wrap="sleep 600")
    cluster.wait_state(job, "RUNNING")
    cluster.must("scancel", job)
    cluster.wait_end(job)
    check(cluster.state(job) == f"CANCELLED by {os.getuid()}", f"state {cluster.state(job)}")
    pending = cluster.submit("--hold")
    cluster.must("scancel", "--state=PENDING", "--me")
    cluster.wait_end(pending)
    stubborn = cluster.submit(
        "-o", str(file("stubborn.out")), wrap="trap '' TERM; echo up; while :; do sleep 0.1; done"
    )
    wait_for(lambda: text("stubborn.out"), 30, "the stubborn job's start")
    cluster.must("scancel", "-f", stubborn)
    expect_end(stubborn, "CANCELLED", "0:0", seconds=60)


def output_patterns():
    job = cluster.submit(
        "-J",
        "pat",
        "-o",
        str(file("%x-%j-%J-%N-%u-%t-%n-%%.o")),
        "-e",
        str(file("%x.%4j.e")),
        wrap="echo out; echo err >&2",
    )
    cluster.wait_end(job)
    name = f"pat-{job}-{job}-n1-root-0-0-%.o"
    names = [p.name for p in cluster.work.glob("pat*")]
    check(
        any(n.startswith(f"pat-{job}-{job}-n") for n in names),
        f"output files are {names}, not {name}",
    )
    check(text(f"pat.{job:04d}.e") == "err\n", f"error file is missing among {names}")
    job = cluster.submit("--open-mode=truncate", "-o", str(file("over")), wrap="echo 1")
    cluster.wait_end(job)
    job = cluster.submit("--open-mode=append", "-o", str(file("over")), wrap="echo 2")
    cluster.wait_end(job)
    check(text("over") == "1\n2\n", f"--open-mode=append left {text('over')!r}")
    file("in").write_text("the input\n")
    job = cluster.submit("-i", str(file("in")), "-o", str(file("echo")), wrap="cat")
    cluster.wait_end(job)
    check(text("echo") == "the input\n", "--input didn't reach the script")


def script_with_arguments():
    script = file("arguments.sh")
    script.write_text(
        "#!/bin/bash\n#SBATCH -J named --mem=20M\n#SBATCH -o args.out\n"
        'echo "$# $1|$2" $SLURM_JOB_NAME; pwd\n'
    )
    job = int(cluster.must("sbatch", "--parsable", script, "a b", "c"))
    cluster.wait_end(job)
    check(text("args.out") == f"2 a b|c named\n{cluster.work}\n", f"got {text('args.out')!r}")
    check(
        cluster.must("scontrol", "write", "batch_script", job, "-") == script.read_text(),
        "scontrol write batch_script differs",
    )
    out = cluster.run("sbatch", "--parsable", "--mem=20M", stdin="#!/bin/sh\nexit 2\n")
    expect_end(int(out.stdout), "FAILED", "2:0")


def update_pending():
    job = cluster.submit("--hold")
    cluster.must(
        "scontrol",
        "update",
        f"jobid={job}",
        "timelimit=17",
        "jobname=other",
        "nice=5",
        "comment=words",
    )
    seen = show(job)
    check(
        (seen["TimeLimit"], seen["JobName"], seen["Nice"], seen["Comment"])
        == ("00:17:00", "other", "5", "words"),
        f"after update: {seen}",
    )
    cluster.must("scancel", job)


def signals_to_steps():
    job = cluster.submit(
        "-o",
        str(file("sig.out")),
        wrap=(
            "trap 'echo batch got it' USR1; "
            'srun --mem=5M sh -c \'trap "echo step got it; exit 0" USR1;'
            " echo up; while :; do sleep 0.1; done' & wait; wait"
        ),
    )
    wait_for(lambda: "up" in text("sig.out"), 30, "the step's start")
    cluster.must("scancel", "-s", "USR1", job)
    wait_for(lambda: "step got it" in text("sig.out"), 30, "the step's signal")
    check("batch got it" not in text("sig.out"), "the script got the steps' signal")
    cluster.wait_end(job)


def killed_srun_leaves_nothing():
    """srun was killed before all else: its tasks are given up after a minute without it."""
    lost.communicate(timeout=10)
    wait_for(
        lambda: not [p for p, line in harness.processes() if "of-a-lost-srun" in line],
        70,
        "the end of the tasks of a killed srun",
    )
    wait_for(lambda: not cluster.must("squeue", "-h", "-n", "lost"), 20, "the end of its job")


def lose_srun():
    step = subprocess.Popen(
        [
            "srun",
            "--mem=5M",
            "-N2",
            "-J",
            "lost",
            "sh",
            "-c",
            "echo up; sleep 600; : of-a-lost-srun",
        ],
        env=cluster.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    check(step.stdout.readline() == "up\n", "srun didn't start")
    step.kill()
    return step


def main():
    global cluster, late, lost
    with Cluster(nodes=2, cpus=4, memory="1G") as cluster:
        late = cluster.submit("--time=0:01", wrap="sleep 600")
        lost = lose_srun()
        harness.main(
            exit_codes,
            sbatch_wait_returns_the_exit_code,
            array_tasks_and_percent,
            array_pending_is_one_line,
            dependencies,
            singleton_and_aftercorr,
            hold_and_release,
            requeue_counts_restarts,
            special_exit_waits_for_a_release,
            suspend_and_resume,
            memory_limit,
            cancel,
            output_patterns,
            script_with_arguments,
            update_pending,
            signals_to_steps,
            time_limit,
            killed_srun_leaves_nothing,
        )


if __name__ == "__main__":
    main()
