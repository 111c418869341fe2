#!/usr/bin/env python3
"""Jobs that make room for others, on real daemons: each way in which it happens, who is chosen and
who is left alone, and what the commands tell of it. Needs root.
"""
import functools
import os
import pathlib
import re
import time

import harness
from harness import check, wait_for

BASE = """\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
constrain_cores: no
constrain_ram_space: no
def_mem_per_cpu: 10
kill_wait: 2
nodes:
  - {node_name: "n[1-2]", node_addr: 127.0.0.1, cpus: 4, sockets: 4, cores_per_socket: 1,
     real_memory: 4000, autodetect: no}
"""
OF_PARTITIONS = f"""\
{BASE}preempt_type: preempt/partition_prio
preempt_mode: REQUEUE,GANG
partitions:
  - {{partition_name: requeued, nodes: ALL, default: yes}}
  - {{partition_name: cancelled, nodes: ALL, preempt_mode: cancel}}
  - {{partition_name: graced, nodes: ALL, preempt_mode: cancel, grace_time: 2}}
  - {{partition_name: suspended, nodes: ALL, preempt_mode: suspend}}
  - {{partition_name: spared, nodes: ALL, preempt_mode: off}}
  - {{partition_name: high, nodes: ALL, priority_tier: 10}}
"""
OF_QOS = f"""\
{BASE}preempt_type: preempt/qos
preempt_mode: CANCEL
preempt_parameters: youngest_first,send_user_signal,min_exempt_priority=5000
priority_type: priority/multifactor
accounting_storage_enforce: qos
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes}}
"""
SLEEP = "exec sleep 600"
ALL = ("-N2", "-n2", "-c4", "-t60")

cluster = None


def submit(*words, wrap=SLEEP):
    return cluster.submit("-D/", *words, wrap=wrap)


def shown(job, field):
    return cluster.must("squeue", "-h", "-j", job, "-o", field).strip()


def wait_shown(job, state):
    wait_for(lambda: shown(job, "%T") == state, 20, f"job {job} {state}: {shown(job, '%T %r')}")


def detail(job, key):
    return re.search(rf"\b{key}=(\S*)", cluster.must("scontrol", "show", "job", job)).group(1)


def attempts(job):
    """States by sacct of all attempts of the job."""
    lines = cluster.must("sacct", "-X", "-D", "-n", "-P", "-j", job, "-o", "state").split("\n")
    return [line.split(" ")[0] for line in lines if line]


def running(*words, wrap=SLEEP):
    job = submit(*words, wrap=wrap)
    wait_shown(job, "RUNNING")
    return job


def end(*jobs):
    cluster.must("scancel", *jobs)
    cluster.wait_end(*jobs, seconds=30)


class Ticks:
    """A job's script that says that it goes on, again and again."""

    def __init__(self, name):
        self.file = cluster.work / name
        self.seen, self.since = -1, 0.0
        self.script = f"while :; do echo >> {self.file}; sleep 0.02; done"

    def count(self):
        return self.file.stat().st_size if self.file.exists() else 0

    def stand_still(self):
        """Whether nothing has come for ten times as long as one takes."""
        now, count = time.monotonic(), self.count()
        if count != self.seen:
            self.seen, self.since = count, now
        return now - self.since > 0.2

    def go_on(self):
        before = self.count()
        wait_for(lambda: self.count() > before, 10, "its process goes on")


def the_partitions_say_how():
    for name, mode in (
        ("requeued", "REQUEUE"),
        ("cancelled", "CANCEL"),
        ("suspended", "GANG,SUSPEND"),
        ("spared", "OFF"),
    ):
        told = cluster.must("scontrol", "show", "partition", name)
        check(f"PreemptMode={mode}\n" in told, told)
        told = cluster.must("sinfo", "-h", "-p", name, "-o", "%M").strip()
        check(told == mode, f"{name}: sinfo says {told}")


def cancelled():
    low = running("-pcancelled", *ALL)
    check(detail(low, "PreemptTime") == "None", "displaced before anybody came")
    check(detail(low, "PreemptEligibleTime") == detail(low, "StartTime"), "no exempt time is set")
    check(shown_long(low, "PreemptTime") == "N/A", "squeue tells a time")
    high = running("-phigh", *ALL)
    cluster.wait_state(low, "PREEMPTED")
    check(attempts(low) == ["PREEMPTED"], attempts(low))
    end(high)


def shown_long(job, field):
    return cluster.must("squeue", "-h", "-j", job, "-O", f"{field}:40").strip()


def requeued():
    low = running("-prequeued", *ALL)
    high = running("-phigh", *ALL)
    wait_shown(low, "PENDING")
    check(detail(low, "Restarts") == "1", "no restart was counted")
    end(high)
    wait_shown(low, "RUNNING")
    check(attempts(low) == ["PREEMPTED", "RUNNING"], attempts(low))
    end(low)
    not_again = running("-prequeued", "--no-requeue", *ALL)
    high = running("-phigh", *ALL)
    check(attempts(not_again) == ["PREEMPTED"], attempts(not_again))
    end(high)


def suspended():
    ticks = Ticks("ticks")
    low = running("-psuspended", *ALL, wrap=ticks.script)
    ticks.go_on()
    high = running("-phigh", *ALL)
    check(shown(low, "%T") == "SUSPENDED", shown(low, "%T"))
    wait_for(ticks.stand_still, 10, "its process stopped")
    check(detail(low, "PreemptTime") != "None", "PreemptTime is not told")
    why = cluster.must("sluice", "why", low)
    check("gave way" in why, why)
    end(high)
    wait_shown(low, "RUNNING")
    ticks.go_on()
    check(detail(low, "PreemptTime") == "None", "PreemptTime is told of a job that runs again")
    end(low)


def grace_time():
    file = cluster.work / "told"
    script = f"trap 'echo {{}} > {file}.{{}}' TERM; {{}}while :; do sleep 600 & wait; done"
    ready = cluster.work / "ready"
    inner = script.format("step", "step", f"touch {ready}; ")
    batch = script.format("batch", "batch", "")
    low = running("-pgraced", *ALL, wrap=f'srun -N1 -n1 -c1 bash -c "{inner}" & {batch}')
    wait_for(ready.exists, 10, "its step")
    high = submit("-phigh", *ALL)
    wait_for(pathlib.Path(f"{file}.step").exists, 10, "SIGTERM in the job's step")
    check(not pathlib.Path(f"{file}.batch").exists(), "its script was told as well")
    began = time.monotonic()
    check(shown(low, "%T") == "RUNNING", f"it was not given its grace time: {shown(low, '%T')}")
    told = shown_long(low, "PreemptTime")
    check(re.match(r"\d{4}-", told), f"squeue's PreemptTime: {told}")
    check(detail(low, "PreemptTime") == told, cluster.must("scontrol", "show", "job", low))
    why = cluster.must("sluice", "why", low)
    check("gave way" in why or "make room" in why, why)
    wait_shown(high, "RUNNING")
    check(time.monotonic() - began > 1, "it ended before its grace time was over")
    check(attempts(low) == ["PREEMPTED"], attempts(low))
    end(high)


def some_are_left_alone():
    spared = running("-pspared", *ALL)
    high = submit("-phigh", *ALL)
    wait_for(lambda: shown(high, "%r") == "Resources", 10, f"its reason: {shown(high, '%r')}")
    check(shown(spared, "%T") == "RUNNING", "a partition with preempt_mode off gave way")
    end(spared)
    wait_shown(high, "RUNNING")
    peer = submit("-phigh", *ALL)
    wait_for(lambda: shown(peer, "%r") == "Resources", 10, f"its reason: {shown(peer, '%r')}")
    check(shown(high, "%T") == "RUNNING", "a job of the same tier gave way")
    end(high, peer)


def as_few_as_possible():
    large = running("-pcancelled", "-wn1", "-c4", "-t60")
    small = [running("-pcancelled", "-wn2", "-c1", "-t60") for _ in range(4)]
    high = running("-phigh", "-c4", "-t60")
    states = [shown(job, "%T") for job in small]
    check(states == ["RUNNING"] * 4, f"four made room where one was enough: {states}")
    check(attempts(large) == ["PREEMPTED"], attempts(large))
    one = running("-phigh", "-c1", "-t60")
    states = sorted(attempts(job)[0] for job in small)
    check(states == ["PREEMPTED"] + ["RUNNING"] * 3, f"one CPU was wanted: {states}")
    end(high, one, *small)


def a_heterogeneous_job_makes_room_as_a_whole():
    script = cluster.work / "whole.sh"
    script.write_text(f"#!/bin/sh\n{SLEEP}\n")
    part = ("-n1", "-c4", "-t60", "--mem=20M", "-o", "/dev/null")
    for second in ("cancelled", "spared"):
        words = ("sbatch", "--parsable", "-D/", "-pcancelled", *part, ":", f"-p{second}", *part)
        low = int(cluster.must(*words, script))
        wait_for(lambda j=low: shown(f"{j}+1", "%T") == "RUNNING", 20, "its second component")
        high = submit("-phigh", "-c4", "-t60")
        if second == "cancelled":
            wait_shown(high, "RUNNING")
            check(set(attempts(low)) == {"PREEMPTED"}, attempts(low))
        else:
            wait_for(lambda j=high: shown(j, "%r") == "Resources", 10, "its reason")
            check(shown(f"{low}+0", "%T") == "RUNNING", "a part gave way though the other may not")
            end(low)
        end(high)


def suspended_by_hand():
    low = running("-pspared", *ALL)
    waiting = submit("-pspared", *ALL, wrap="while :; do sleep 0.05; done")
    cluster.must("scontrol", "suspend", low)
    wait_shown(waiting, "RUNNING")
    refused = cluster.run("scontrol", "resume", low)
    check(refused.returncode == 1 and "busy" in refused.stderr.lower(), str(refused))
    check(shown(low, "%T") == "SUSPENDED", shown(low, "%T"))
    end(waiting)
    check(shown(low, "%T") == "SUSPENDED", "it went on though nobody resumed it")
    cluster.must("scontrol", "resume", low)
    wait_shown(low, "RUNNING")
    end(low)


def sacctmgr(*words):
    cluster.must("sacctmgr", "-i", *words)


def make_qos():
    sacctmgr("add", "account", "science")
    sacctmgr("add", "qos", "low", "priority=1")
    sacctmgr("add", "qos", "back", "priority=1", "preemptmode=requeue")
    sacctmgr("add", "qos", "stopped", "priority=1", "preemptmode=suspend")
    sacctmgr("add", "qos", "safe", "priority=1", "preemptexempttime=00:00:03", "gracetime=1")
    sacctmgr("add", "qos", "told", "priority=1", "gracetime=2")
    sacctmgr("add", "qos", "high", "priority=100", "preempt=low,back,stopped,safe,told")
    sacctmgr("add", "qos", "inner", "preemptmode=within")
    sacctmgr("add", "user", "root", "account=science")
    names = "normal,low,back,stopped,safe,told,high,inner"
    sacctmgr("modify", "user", "root", "set", f"qos={names}")


def a_qos_names_whom_it_displaces():
    for qos, after in (("low", "PREEMPTED"), ("back", "PENDING"), ("stopped", "SUSPENDED")):
        low = running(f"--qos={qos}", *ALL)
        normal = submit("--qos=normal", *ALL)
        high = running("--qos=high", *ALL)
        cluster.wait_state(low, after)
        check(shown(high, "%T") == "RUNNING", "normal may not displace anybody")
        end(normal, high)
        if after != "PREEMPTED":
            wait_shown(low, "RUNNING")
            end(low)


def within_a_qos_by_priority():
    low = running("--qos=inner", "--priority=100", *ALL)
    same = submit("--qos=inner", "--priority=100", *ALL)
    high = running("--qos=inner", "--priority=200", *ALL)
    check(shown(same, "%T") == "PENDING", "it displaced a job of its own priority")
    check(attempts(low) == ["PREEMPTED"], attempts(low))
    end(same, high)


def exempt_time_and_grace_of_a_qos():
    low = running("--qos=safe", *ALL)
    submit("--qos=high", "--hold", *ALL)  # a change in the queue
    high = submit("--qos=high", *ALL)
    wait_shown(high, "RUNNING")
    check(attempts(low) == ["PREEMPTED"], attempts(low))
    line = cluster.must("sacct", "-X", "-n", "-P", "-j", low, "-o", "elapsedraw").strip()
    check(int(line) >= 3, f"it ran for {line} s, exempt for 3 and then told a second before")
    eligible = detail(low, "PreemptEligibleTime")
    check(eligible > detail(low, "StartTime"), f"eligible from {eligible} on")
    end(high)


def the_youngest_first():
    older = running("--qos=low", "--priority=10", "-c4", "-t60")
    younger = running("--qos=low", "--priority=90", "-c4", "-t60")
    high = running("--qos=high", "-c4", "-t60")
    check(attempts(younger) == ["PREEMPTED"], f"{attempts(younger)}; older: {attempts(older)}")
    check(shown(older, "%T") == "RUNNING", "the older one was displaced")
    end(older, high)


def high_priorities_are_exempt():
    low = running("--qos=low", "--priority=6000", *ALL)
    high = submit("--qos=high", "--priority=9000", *ALL)
    wait_for(lambda: shown(high, "%r") == "Resources", 10, f"its reason: {shown(high, '%r')}")
    check(shown(low, "%T") == "RUNNING", "its priority did not save it")
    end(low, high)


def the_signal_that_the_job_asked_for():
    for qos, after in (("told", "COMPLETED"), ("low", "PREEMPTED")):
        file = cluster.work / f"usr1.{qos}"
        last = "exit 0" if qos == "told" else ":"
        script = f"trap 'echo usr1 > {file}; {last}' USR1; trap : TERM; touch {file}.ready;"
        script += " while :; do sleep 600 & wait; done"
        low = running(f"--qos={qos}", "--signal=B:USR1@10", *ALL, wrap=script)
        wait_for(pathlib.Path(f"{file}.ready").exists, 10, "its script")
        high = submit("--qos=high", *ALL)
        wait_for(file.exists, 10, "SIGUSR1 in the job")
        wait_shown(high, "RUNNING")
        check(attempts(low) == [after], f"{qos}: {attempts(low)}")
        end(high)


def alone(test):
    """The test, with nothing left of it for the next."""

    @functools.wraps(test)
    def tried():
        try:
            test()
        finally:
            cluster.run("scancel", "-u", "root")
            wait_for(lambda: not cluster.must("squeue", "-h"), 30, "the end of all jobs")

    return tried


def main():
    global cluster
    if os.geteuid() != 0:
        raise SystemExit(77)
    code = 0
    for config, prepare, tests in (
        (
            OF_PARTITIONS,
            lambda: None,
            (
                the_partitions_say_how,
                cancelled,
                requeued,
                suspended,
                grace_time,
                some_are_left_alone,
                as_few_as_possible,
                a_heterogeneous_job_makes_room_as_a_whole,
                suspended_by_hand,
            ),
        ),
        (
            OF_QOS,
            make_qos,
            (
                a_qos_names_whom_it_displaces,
                within_a_qos_by_priority,
                exempt_time_and_grace_of_a_qos,
                the_youngest_first,
                high_priorities_are_exempt,
                the_signal_that_the_job_asked_for,
            ),
        ),
    ):
        with harness.Cluster(config=config) as cluster:
            prepare()
            try:
                harness.main(*map(alone, tests))
            except SystemExit as done:
                code = code or done.code
    raise SystemExit(code)


if __name__ == "__main__":
    main()
