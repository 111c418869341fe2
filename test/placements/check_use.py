"""Is there ever too much? All starts and ends in order of time: CPUs, memory and GPUs of nodes, who
is alone on a node, licences, limits of associations and QOS, dependencies, arrays' own limits.
Memory of suspended jobs is not counted.
"""
import collections
import re

from accounts_of import TRES

END, SUBMIT, START = 0, 1, 2  # of one instant: in this order; who ends at once is both


class Use:
    def __init__(self, world):
        self.world, self.site, self.findings = world, world.site, world.findings
        self.on_node = collections.defaultdict(list)  # (stretch, share)
        self.licenses = collections.Counter()
        self.tasks = collections.Counter()  # running ones of arrays
        self.limits = Limits(world) if world.accounts and self.site.enforces("limits") else None

    def check(self):
        events = []
        for place, stretch in enumerate(self.world.stretches):
            events.append((stretch.start, START, place, self.start, stretch))
            if stretch.end > stretch.start:
                events.append((stretch.end, END, place, self.end, stretch))
        for place, stretches in enumerate(self.world.jobs.values()):
            first, last = stretches[0], stretches[-1]
            events.append((first.submit, SUBMIT, place, self.submitted, first))
            if last.end > first.submit:
                events.append((last.end, END, place, self.gone, first))
        for *_, happens, stretch in sorted(events, key=lambda event: event[:3]):
            happens(stretch)
        for stretches in self.world.jobs.values():
            self.dependency(stretches[0])

    def submitted(self, stretch):
        if self.limits:
            self.limits.alive(stretch, 1)
            if self.world.jobs[stretch.number, stretch.task][-1].end == stretch.submit:
                self.limits.alive(stretch, -1)

    def gone(self, stretch):
        if self.limits:
            self.limits.alive(stretch, -1)

    def find(self, good, what, stretch, text=""):
        return self.findings.check(good, what, lambda: f"{stretch.name} at {stretch.start}: {text}")

    def start(self, stretch):
        asked = self.world.log[stretch.number]
        for share in stretch.shares:
            if share.node in self.site.nodes:
                self.on_node[share.node].append((stretch, share))
                self.node(stretch, self.site.nodes[share.node])
        self.find(stretch.licenses == asked.licenses, "licences as asked", stretch)
        self.licenses.update(stretch.licenses)
        for name in stretch.licenses:
            used, there = self.licenses[name], self.site.licenses.get(name, 0)
            self.find(used <= there, "licences", stretch, f"{used} of {there} {name}")
        self.tasks[stretch.number] += 1
        _, most = asked.array()
        if most:
            self.find(self.tasks[stretch.number] <= most, "tasks at once", stretch)
        if self.limits:
            self.limits.start(stretch)
        if stretch.end == stretch.start:
            self.end(stretch)

    def end(self, stretch):
        for share in stretch.shares:
            if share.node in self.site.nodes:
                self.on_node[share.node].remove((stretch, share))
        self.licenses.subtract(stretch.licenses)
        self.tasks[stretch.number] -= 1
        if self.limits:
            self.limits.end(stretch)

    # Nodes.
    def node(self, stretch, node):
        here = self.on_node[node.name]
        holders = collections.defaultdict(list)
        for other, share in here:
            for cpu in share.ids:
                holders[cpu].append(other)
        crowded = sorted(
            cpu
            for cpu, jobs in holders.items()
            if len(jobs) > 1 and len(jobs) > min(self.sharing(job) for job in jobs)
        )
        self.find(not crowded, "CPUs of nodes", stretch, f"{node.name}: {crowded}")
        if self.site.counts_memory:
            used = sum(share.memory for _, share in here)
            self.find(used <= node.memory, "memory of nodes", stretch, f"{node.name}: {used}")
        gpus = [gpu for _, share in here for gpu in share.gpus]
        named = [index for _, index in gpus if index is not None]
        held = collections.Counter(kind for kind, _ in gpus)
        good = len(set(named)) == len(named) and held <= collections.Counter(node.gpus)
        self.find(good, "GPUs of nodes", stretch, f"{node.name}: {gpus}")
        self.alone(stretch, node, [job for job, _ in here])

    def sharing(self, stretch):
        """How many jobs may use a CPU together."""
        row = self.site.partitions[stretch.partition]
        word, _, count = row.get("OverSubscribe", "NO").upper().partition(":")
        willing = "oversubscribe" in self.world.log[stretch.number].options
        if word == "FORCE" or (word == "YES" and willing):
            return int(count or 4)
        return 1

    def alone(self, stretch, node, jobs):
        wanted = {self.alone_as(job) for job in jobs}
        users = {self.world.log[job.number].user for job in jobs}
        good = "all" not in wanted or len(jobs) == 1
        text = f"{node.name}: {[job.name for job in jobs]}"
        self.find(good, "who wants a node for itself has it", stretch, text)
        good = "user" not in wanted or len(users) == 1
        self.find(good, "who wants a node for its user has it", stretch, text)

    def alone_as(self, stretch):
        row = self.site.partitions[stretch.partition]
        if row.get("OverSubscribe", "").upper() == "EXCLUSIVE":
            return "all"
        if row.get("ExclusiveUser", "NO").upper() == "YES":
            return "user"
        return self.world.log[stretch.number].exclusive

    # What has to be over, or to have begun.
    def dependency(self, stretch):
        asked = self.world.log[stretch.number]
        text = asked.options.get("dependency")
        if not text:
            return
        judge = any if "?" in text else all
        good = judge(self.is_met(stretch, asked, part) for part in re.split("[,?]", text))
        self.find(good, "dependencies", stretch, text)

    def is_met(self, stretch, asked, part):
        kind, *ids = part.split(":")
        if kind == "singleton":
            return all(
                others[0].number >= stretch.number or others[-1].end <= stretch.start
                for others in self.world.jobs.values()
                if self.world.log[others[0].number].user == asked.user
                and self.world.log[others[0].number].name == asked.name
            )
        for text in ids:
            base, _, delay = text.partition("+")
            for others in self.world.by_id.get(base, []):
                if kind == "aftercorr" and others[0].task != stretch.task:
                    continue
                since = others[0].start if kind == "after" else others[-1].end
                if stretch.start < since + int(delay or 0) * 60_000:
                    return False
                ended_well = others[-1].state == "COMPLETED"
                if kind in ("afterok", "aftercorr") and not ended_well:
                    return False
                if kind == "afternotok" and ended_well:
                    return False
        return True


class Sums:
    """What those who count for one thing have together."""

    def __init__(self):
        self.tres, self.nodes = collections.Counter(), collections.Counter()
        self.jobs = self.alive = 0

    def add(self, stretch, sign):
        for kind, count in tres_of(stretch).items():
            self.tres[kind] += sign * count
        for name in stretch.nodes:
            self.nodes[name] += sign
        self.jobs += sign

    def of(self, kind):
        return (
            sum(count > 0 for count in self.nodes.values()) if kind == "node" else self.tres[kind]
        )


def tres_of(stretch, shares=None):
    made = collections.Counter()
    for share in shares or stretch.shares:
        made["cpu"] += share.cpus
        made["mem"] += share.memory
        made["node"] += 1
        for kind, _ in share.gpus:
            made["gres/gpu"] += 1
            if kind:
                made[f"gres/gpu:{kind}"] += 1
    return made


class Limits:
    def __init__(self, world):
        self.world, self.findings, self.accounts = world, world.findings, world.accounts
        self.sums = collections.defaultdict(Sums)  # by (key, "", user or account)
        self.together = []  # those who started at the present instant

    def keys(self, stretch):
        """(QOS in order of precedence, associations from the user's up)"""
        user = self.world.log[stretch.number].user
        names = [self.world.site.partitions[stretch.partition].get("QOS", ""), stretch.qos]
        qos = [("qos", name.lower()) for name in dict.fromkeys(names) if name]
        return qos, self.accounts.chain(stretch.account, user), user

    def forgiven(self, stretch, name, key, kind):
        """Who started together with it may have come behind it; of them, what those have whom a
        QOS exempts from the limit, so that nobody asked."""
        total = 0
        for other in self.together:
            qos, chain, _ = self.keys(other)
            exempt = any(same_limit(name, kind, self.accounts.limits.get(q, {})) for q in qos)
            if other is not stretch and exempt and key in chain:
                total += tres_of(other)[kind] if kind else 1
        return total

    def all_sums(self, stretch):
        qos, chain, user = self.keys(stretch)
        for key in [*qos, *chain]:
            yield self.sums[key, ""]
        for key in qos:
            yield self.sums[key, f"user {user}"]
            yield self.sums[key, f"account {stretch.account}"]

    def end(self, stretch):
        for sums in self.all_sums(stretch):
            sums.add(stretch, -1)

    def start(self, stretch):
        for sums in self.all_sums(stretch):
            sums.add(stretch, 1)
        if self.together and self.together[0].start != stretch.start:
            self.together.clear()
        self.together.append(stretch)
        for name, key, kind, limit, have in self.in_force(stretch, RUNNING):
            least = name.startswith("min")
            good = have >= limit if least else have <= limit
            if not good and key[0] != "qos":
                good = have - self.forgiven(stretch, name, key, kind) <= limit
            text = f"{name} of {' '.join(key)}: {have} of {limit}"
            self.findings.check(good, f"limit {name}", f"{stretch.name}: {text}")

    def alive(self, stretch, count):
        for sums in self.all_sums(stretch):
            sums.alive += count
        if count < 0:
            return
        for name, key, _, limit, have in self.in_force(stretch, SUBMITTED):
            text = f"{stretch.name}: {name} of {' '.join(key)}: {have} of {limit}"
            self.findings.check(have <= limit, f"limit {name}", text)

    def in_force(self, stretch, names):
        """(name, whose, of what, limit, what there is) of each limit that holds for it."""
        qos, chain, user = self.keys(stretch)
        scope = {"user": f"user {user}", "account": f"account {stretch.account}"}
        scope |= {f"{name} alive": of for name, of in scope.items()}
        said = set()
        for key in [*qos, *chain]:
            limits = self.accounts.limits.get(key, {})
            ours = set()
            for name, of in names.items():
                if limits.get(name) is None:
                    continue
                group = name.startswith("grp")
                for kind, limit in limits[name].items() if name in TRES else [("", limits[name])]:
                    mark = (SAME_LIMIT.get(name, name), kind)
                    if mark in said:
                        continue
                    if key[0] == "qos" or not group:
                        ours.add(mark)
                    sums = self.sums[
                        key if key[0] == "qos" or group else chain[0], scope.get(of, "")
                    ]
                    yield name, key, kind, limit, amount(of, kind, stretch, sums)
            said |= ours


def same_limit(name, kind, limits):
    """Do these say something about the same?"""
    for other, value in limits.items():
        if SAME_LIMIT.get(other, other) == SAME_LIMIT.get(name, name) and value is not None:
            if not kind or kind in value:
                return True
    return False


def amount(of, kind, stretch, sums):
    if of == "job":
        return tres_of(stretch)[kind]
    if of == "node":
        return max(tres_of(stretch, [share])[kind] for share in stretch.shares)
    if of == "wall":
        return float("inf") if stretch.limit is None else stretch.limit
    if of.endswith("alive"):
        return sums.alive
    return sums.of(kind) if kind else sums.jobs


# Limits by what they are held against. Of the same kind, those of a QOS come before those of an
# association.
RUNNING = {
    "grptres": "group",
    "grpjobs": "group",
    "maxjobs": "group",
    "maxtres": "job",
    "maxtrespernode": "node",
    "maxtresperuser": "user",
    "maxtresperaccount": "account",
    "maxjobsperuser": "user",
    "maxjobsperaccount": "account",
    "maxwall": "wall",
    "mintres": "job",
}
SUBMITTED = {
    "grpsubmitjobs": "alive",
    "maxsubmitjobs": "alive",
    "maxsubmitjobsperuser": "user alive",
    "maxsubmitjobsperaccount": "account alive",
}
SAME_LIMIT = {"maxjobs": "maxjobsperuser", "maxsubmitjobs": "maxsubmitjobsperuser"}
