"""Is each job what was asked for? Nodes, partition, features, CPUs, memory, GPUs, switches, times:
what can be said of a job by itself. Called with World (check_placements.py).
"""
import collections

import features
from accounts_of import minutes
from placed import numbers
from submissions import mebibytes

SWITCH_WAIT_S = 300
LATE_MS = 1000  # limits are looked at once a second


class Requests:
    def __init__(self, world):
        self.world, self.site, self.findings = world, world.site, world.findings

    def check(self):
        for stretch in self.world.stretches:
            asked = self.world.log[stretch.number]
            if not self.known_nodes(stretch):
                continue
            self.place(stretch, asked)
            self.sizes(stretch, asked)
            self.gpus(stretch, asked)
            self.topology(stretch, asked)
            self.accounts(stretch, asked)
        for stretches in self.world.runs.values():
            self.times(stretches)
        self.everybody()

    def find(self, good, what, stretch, text=""):
        return self.findings.check(good, what, lambda: f"{stretch.name}: {text}")

    def known_nodes(self, stretch):
        good = [name in self.site.nodes for name in stretch.nodes]
        twice = len(set(stretch.nodes)) == len(stretch.nodes)
        return self.find(all(good) and twice, "nodes exist", stretch, stretch.nodes)

    def place(self, stretch, asked):
        partition = self.site.partitions.get(stretch.partition)
        wanted = asked.partitions or [self.site.default_partition()]
        found = partition is not None and stretch.partition in wanted
        self.find(found, "partition as asked", stretch, stretch.partition)
        if not found:
            return
        outside = set(stretch.nodes) - partition["names"]
        self.find(not outside, "nodes are in the partition", stretch, sorted(outside))
        nodes = [self.site.nodes[name] for name in stretch.nodes]
        good = features.holds(asked.features, [node.features for node in nodes])
        self.find(good, "features as asked", stretch, f"{asked.features}: {stretch.nodes}")
        missing = asked.nodelist - set(stretch.nodes)
        self.find(not missing, "named nodes are there", stretch, missing)
        bad = asked.excluded & set(stretch.nodes)
        self.find(not bad, "excluded nodes are not", stretch, bad)
        self.partition_limits(stretch, partition)

    def partition_limits(self, stretch, partition):
        count = len(stretch.nodes)
        most = partition.get("MaxNodes", "UNLIMITED")
        good = int(partition.get("MinNodes", 0)) <= count
        good = good and (most == "UNLIMITED" or count <= int(most))
        self.find(good, "number of nodes as the partition allows", stretch, count)
        per_node = partition.get("MaxCPUsPerNode", "UNLIMITED")
        if per_node != "UNLIMITED":
            good = all(share.cpus <= int(per_node) for share in stretch.shares)
            self.find(good, "CPUs of a node as the partition allows", stretch)

    # Sizes.
    def sizes(self, stretch, asked):
        count, tasks = len(stretch.nodes), sum(share.tasks for share in stretch.shares)
        most = asked.max_nodes or count
        good = asked.min_nodes <= count <= most
        self.find(good, "number of nodes as asked", stretch, f"{count} nodes")
        per_node = asked.number_of("ntasks-per-node")
        expected = asked.tasks or count * (per_node or 1)
        self.find(tasks == expected, "number of tasks as asked", stretch, f"{tasks} tasks")
        good = all(1 <= share.tasks <= (per_node or tasks) for share in stretch.shares)
        self.find(good, "tasks of each node", stretch, [share.tasks for share in stretch.shares])
        for share in stretch.shares:
            self.cpus(stretch, asked, share)
            self.memory(stretch, asked, share)

    def is_whole(self, stretch, asked):
        row = self.site.partitions.get(stretch.partition, {})
        return asked.exclusive == "all" or row.get("OverSubscribe", "").upper() == "EXCLUSIVE"

    def cpus(self, stretch, asked, share):
        node = self.site.nodes[share.node]
        need = share.tasks * asked.cpus_per_task
        if "overcommit" in asked.options:
            need = 1
        need = max(need, asked.number_of("mincpus") or 0)
        need = max(need, len(share.gpus) * (asked.number_of("cpus-per-gpu") or 0))
        need = self.site.charged(node, need)
        if self.is_whole(stretch, asked):
            need = node.cpus
        text = f"{share.cpus} on {share.node}, expected {need}"
        self.find(share.cpus == need, "number of CPUs as asked", stretch, text)
        good = len(share.ids) == share.cpus and all(cpu < node.cpus for cpu in share.ids)
        self.find(good, "numbers of CPUs are the node's", stretch, f"{share.node}: {share.ids}")

    def memory(self, stretch, asked, share):
        if not self.site.counts_memory:
            return
        row = {**self.site.keys, **self.site.partitions[stretch.partition]}
        options, need = asked.options, None
        if "mem" in options:
            need = mebibytes(options["mem"]) or self.site.nodes[share.node].memory
        elif "mem-per-cpu" in options:
            need = mebibytes(options["mem-per-cpu"]) * share.cpus
        elif "mem-per-gpu" in options:
            need = mebibytes(options["mem-per-gpu"]) * len(share.gpus)
        elif "DefMemPerCPU" in row:
            need = int(row["DefMemPerCPU"]) * share.cpus
        elif "DefMemPerNode" in row:
            need = int(row["DefMemPerNode"])
        need = need or self.site.nodes[share.node].memory
        text = f"{share.memory} on {share.node}, expected {need}"
        self.find(share.memory == need, "memory as asked", stretch, text)

    # GPUs.
    def gpus(self, stretch, asked):
        total = collections.Counter()
        for share in stretch.shares:
            node = self.site.nodes[share.node]
            named = [(kind, index) for kind, index in share.gpus if index is not None]
            good = len(dict.fromkeys(index for _, index in named)) == len(named)
            good = good and all(
                index < len(node.gpus) and node.gpus[index] == kind for kind, index in named
            )
            text = f"{share.gpus} on {share.node}"
            self.find(good, "GPUs are the node's, of its types", stretch, text)
            held = collections.Counter(kind for kind, _ in share.gpus)
            total += held
            need = collections.Counter(asked.gpus.by_node)
            for kind, count in asked.gpus.by_task.items():
                need[kind] += count * share.tasks
            if self.is_whole(stretch, asked):
                need = collections.Counter(node.gpus)
            if not asked.gpus.of_job:
                self.find(same(held, need), "GPUs of each node as asked", stretch, text)
        if asked.gpus.of_job and not self.is_whole(stretch, asked):
            good = same(total, collections.Counter(asked.gpus.of_job))
            self.find(good, "GPUs of the job as asked", stretch, dict(total))

    # Where the nodes stand.
    def topology(self, stretch, asked):
        nodes = [self.site.nodes[name] for name in stretch.nodes]
        if asked.contiguous:
            places = sorted(node.place for node in nodes)
            good = places[-1] - places[0] + 1 == len(places)
            self.find(good, "contiguous nodes", stretch, stretch.nodes)
        if not self.site.tree:
            return
        if len(nodes) > 1:
            common = set.intersection(*(set(node.switches) for node in nodes))
            self.find(bool(common), "nodes have a switch in common", stretch, stretch.nodes)
        most, wait = asked.switches()
        if most is not None and stretch.run == 1:
            longest = self.site.scheduler("max_switch_wait", SWITCH_WAIT_S)
            wait = longest if wait is None else min(wait, longest)
            leaves = {node.switches[0] if node.switches else node.name for node in nodes}
            waited = stretch.start - max(stretch.submit, asked.begin_ms()) >= wait * 1000
            self.find(len(leaves) <= most or waited, "switches as asked", stretch, sorted(leaves))

    # Account and QOS.
    def accounts(self, stretch, asked):
        accounts = self.world.accounts
        if accounts is None:
            return
        home = asked.options.get("account", accounts.home.get(asked.user, "")).lower()
        self.find(stretch.account == home, "account as asked", stretch, stretch.account)
        if self.site.enforces("associations"):
            good = accounts.is_member(stretch.account, asked.user)
            self.find(good, "the user is in the account", stretch, stretch.account)
        wanted = asked.options.get("qos", "").lower()
        if wanted:
            self.find(stretch.qos == wanted, "QOS as asked", stretch, stretch.qos)
        if self.site.enforces("qos"):
            good = stretch.qos in accounts.allowed_qos(stretch.account, asked.user)
            self.find(good, "the QOS is the user's", stretch, stretch.qos)
            row = self.site.partitions[stretch.partition]
            allowed, denied = row.get("AllowQOS", "ALL"), row.get("DenyQOS", "")
            good = allowed.upper() == "ALL" or stretch.qos in allowed.lower().split(",")
            good = good and stretch.qos not in denied.lower().split(",")
            self.find(good, "the QOS is allowed in the partition", stretch, stretch.qos)

    # Times.
    def limit_of(self, stretch, asked):
        row = self.site.partitions[stretch.partition]
        if asked.limit is not None:
            return asked.limit
        return minutes(row.get("DefaultTime", row.get("MaxTime", "UNLIMITED")))

    def times(self, stretches):
        first, last = stretches[0], stretches[-1]
        asked = self.world.log[first.number]
        self.find(first.submit == asked.at_ms, "submitted when the log says", first, first.submit)
        good = first.start >= asked.begin_ms()
        self.find(good, "not before its time", first, f"{first.start}")
        self.time_limit(last, asked)
        ran = sum(stretch.end - stretch.start for stretch in stretches)
        most = None if last.limit is None else last.limit * 60_000
        run = asked.run_ms if asked.run_ms is not None else most
        text = f"{ran} ms of {run}, limit {most}, {last.state}"
        if last.state in ("COMPLETED", "TIMEOUT"):
            over = most is not None and run >= most
            late = ran - (most if over else run)
            good = 0 <= late < LATE_MS if over else late == 0
            self.find(good, "ran as long as it should", last, text)
            good = (last.state == "TIMEOUT") == over
            good = good or (run == most and asked.run_ms is not None)  # both at once
            self.find(good, "ended at its limit, or by itself", last, text)
        else:
            good = last.state in ("PENDING", "PREEMPTED") and ran <= run
            self.find(good, "ended in a state that there is", last, text)

    def time_limit(self, stretch, asked):
        wanted, least = self.limit_of(stretch, asked), asked.limit_min
        good = stretch.limit == wanted
        if least is not None:
            good = stretch.limit is not None and least <= stretch.limit <= wanted
        self.find(good, "time limit as asked", stretch, f"{stretch.limit}, not {wanted}")
        most = minutes(self.site.partitions[stretch.partition].get("MaxTime", "UNLIMITED"))
        good = most is None or (stretch.limit is not None and stretch.limit <= most)
        self.find(good, "time limit as the partition allows", stretch, stretch.limit)

    # Nobody is forgotten, nobody runs twice.
    def everybody(self):
        seen = collections.Counter()
        for key, stretches in self.world.jobs.items():
            seen[key] += stretches[-1].state in ("COMPLETED", "TIMEOUT", "PREEMPTED")
            for before, after in zip(stretches, stretches[1:]):
                good = before.end <= after.start and before.state not in ("COMPLETED", "TIMEOUT")
                self.find(good, "one run after the other", after, before.end)
        for left in self.world.left:
            if left.state == "REFUSED" or not left.task:
                seen[left.number, "all" if left.state == "REFUSED" else ""] += 1
            for task in tasks_of(left.task):
                seen[left.number, str(task)] += 1
        for number, asked in self.world.log.items():
            tasks, _ = asked.array()
            counts = [seen[number, str(task)] for task in tasks or [""]]
            if seen[number, "all"]:
                counts = [seen[number, "all"] + sum(counts)]
            text = f"{number}: {counts}"
            self.findings.check(set(counts) == {1}, "each submission has one end", text)


def tasks_of(text):
    return numbers(text.partition("%")[0])


def same(held, need):
    """As many of each type; what was asked for without a type may be of any."""
    if sum(held.values()) != sum(need.values()):
        return False
    return all(held[kind] >= count or held[""] for kind, count in need.items() if kind)
