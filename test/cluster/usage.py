#!/usr/bin/env python3
"""What jobs use, while they run and afterwards: sstat, sacct, sluice eff."""
import json
import pathlib
import tempfile

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


ENERGY = """cluster_name: energy
acct_gather_energy_type: rapl
nodes:
  - {{node_name: 'n[1-2]', node_addr: 127.0.0.1, autodetect: no, cpus: 2, real_memory: 500,
     accelerator_root: {root}}}
partitions:
  - {{partition_name: batch, nodes: ALL, default: yes}}
"""


def energy_of_processors():
    with tempfile.TemporaryDirectory(prefix="sluice-energy.", dir="/var/tmp") as folder:
        zone = pathlib.Path(folder) / "sys/class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        (zone / "name").write_text("package-0\n")
        (zone / "max_energy_range_uj").write_text("262143328850\n")
        counter = zone / "energy_uj"
        counter.write_text("1000000\n")
        with Cluster(config=ENERGY.format(root=folder)) as cluster:
            go = cluster.work / "go"
            job = cluster.submit(
                *("-N2", "-n2"),
                wrap=f"srun sh -c ': > {cluster.work}/begun$SLURM_NODEID;"
                f" until [ -e {go} ]; do sleep 0.1; done'",
            )
            energy = ("-n", "-P", "-j", f"{job}.0", "-o", "ConsumedEnergyRaw")
            begun = [cluster.work / f"begun{node}" for node in (0, 1)]
            wait_for(lambda: all(path.exists() for path in begun), 30, "both nodes' begin")
            counter.write_text("8500000\n")  # 7.5 J on each node
            live = cluster.must("sstat", *energy)
            check(live == "15\n", f"while it runs: {live}")
            go.touch()
            cluster.wait_end(job)
            fields = (
                "sacct",
                "-n",
                "-P",
                "-j",
                job,
                "-o",
                "JobID,ConsumedEnergyRaw,TRESUsageInTot",
            )
            rows = [row.split("|") for row in cluster.must(*fields).split()]
            told = {row[0]: row[1] for row in rows}
            check(told == {f"{job}": "", f"{job}.batch": "7", f"{job}.0": "15"}, f"{rows}")
            check("energy=15" in rows[-1][2], f"{rows}")


if __name__ == "__main__":
    main(running_and_past, arrays_are_a_table, energy_of_processors)
