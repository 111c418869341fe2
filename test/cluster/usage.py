#!/usr/bin/env python3
"""What jobs use, while they run and afterwards: sstat, sacct, sluice eff."""
import json

from harness import Cluster, check, main, wait_for


def running_and_past():
    with Cluster(nodes=2, cpus=2) as cluster:
        go = cluster.work / "go"
        work = "head -c 50000000 /dev/zero | tail -c 1 > /dev/null"
        task = f"{work}; until [ -e {go} ]; do sleep 0.1; done"
        job = cluster.submit("-N2", "-n4", "-t5", wrap=f"srun -n4 bash -c '{task}'")

        def ask(*options, of=f"{job}.0", user=None):
            return cluster.run("sstat", "-n", "-P", *options, "-j", of, user=user)

        fields = "-o", "JobID,NTasks,MaxDiskReadNode,TRESUsageOutMin"
        wait_for(lambda: "fs/disk=5000000" in ask(*fields).stdout, 30, "all tasks have written")
        answer = ask(*fields).stdout.strip().split("|")
        check(answer[:2] == [f"{job}.0", "4"], f"the step and its tasks: {answer}")
        check(answer[2] in ("n1", "n2"), f"one of its nodes: {answer}")
        steps = ask("-a", "-o", "JobID", of=job).stdout.split()
        check(steps == [f"{job}.batch", f"{job}.0"], f"all steps: {steps}")
        pids = ask("-i").stdout.strip().split("|")
        check(pids[1] == "n[1-2]" and len(pids[2].split(",")) >= 4, f"processes: {pids}")
        stranger = ask(user="daemon")
        check("Invalid user id" in stranger.stderr, f"another's job: {stranger}")
        gone = ask(of=f"{job}.7")
        check(gone.returncode == 0 and "not found running" in gone.stderr, f"no such step: {gone}")
        check("RUNNING (so far)" in cluster.must("sluice", "eff", job), "eff of a running job")
        go.touch()
        cluster.wait_end(job)
        past = cluster.must("sacct", "-n", "-P", "-j", f"{job}.0", "-o", "MinCPUTask,MaxPagesNode")
        check(all(past.strip().split("|")), f"extremes of several tasks: {past}")
        document = json.loads(cluster.must("sluice", "eff", "--json", job))["jobs"][0]
        check(document["state"] == "COMPLETED" and document["cores"] == 4, f"{document}")
        check(0 < document["memory_efficiency"] < 1, f"memory: {document}")
        check(document["limit_seconds"] == 300, f"limit: {document}")
        check(ask(of=job).stderr.startswith("sstat: error: couldn't get steps"), "it has ended")


def arrays_are_a_table():
    with Cluster(nodes=1) as cluster:
        job = cluster.submit("-n1", "-a", "1-3")
        wait_for(lambda: not cluster.must("squeue", "-h", "-j", job).strip(), 30, "the array's end")
        lines = cluster.must("sluice", "eff", job).splitlines()
        names = [line.split()[0] for line in lines[1:]]
        check(names == [f"{job}_1", f"{job}_2", f"{job}_3"], f"a line each: {lines}")
        one = cluster.must("sluice", "eff", f"{job}_2")
        check(one.startswith("Job") and f"{job}_2" in one, f"one task: {one}")
        unknown = cluster.run("sluice", "eff", "999")
        check(unknown.returncode == 1 and "Invalid job id" in unknown.stderr, f"{unknown}")


if __name__ == "__main__":
    main(running_and_past, arrays_are_a_table)
