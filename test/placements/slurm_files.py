"""A site's slurm.conf, gres.conf and topology.conf, as their manual pages describe them: nodes,
partitions, licences, switches. Only what decides where jobs may run; nothing of the product is
used. What would change the answer and isn't known here is an error, not passed over.
"""
import dataclasses
import pathlib
import re

UNKNOWN = {"CoreSpecCount", "CpuSpecList", "MemSpecLimit", "MaxMemPerNode", "MaxMemPerCPU"}


class Malformed(Exception):
    pass


def hosts(text):
    """["n1", "n2", "m07"] of "n[1-2],m07"."""
    names = []
    for part in re.findall(r"[^,\[]+(?:\[[^\]]*\][^,\[]*)*", text):
        found = re.match(r"([^\[]*)\[([^\]]*)\](.*)$", part)
        if not found:
            names.append(part)
            continue
        head, ranges, tail = found.groups()
        for piece in ranges.split(","):
            first, _, last = piece.partition("-")
            for number in range(int(first), int(last or first) + 1):
                names += [f"{head}{number:0{len(first)}}{rest}" for rest in hosts(tail) or [""]]
    return names


def parts_of(text):
    """The parts of a list at commas outside of brackets."""
    return [part for part in re.split(r",(?![^(\[]*[)\]])", text) if part]


def lines_of(text):
    """[{key: value}] of each line; keys as they stand."""
    made = []
    for line in text.replace("\\\n", " ").split("\n"):
        words = re.findall(r'(\w+)=("[^"]*"|\S*)', line.partition("#")[0])
        if words:
            made.append({key: value.strip('"') for key, value in words})
    return made


@dataclasses.dataclass
class Node:
    name: str
    place: int  # in the order of the file
    sockets: int
    cores: int  # of a socket
    threads: int  # of a core
    memory: int  # MiB
    features: frozenset
    weight: int
    gpus: list  # the type of each, "" where it has none
    switches: list = dataclasses.field(default_factory=list)  # from the leaf up

    @property
    def cpus(self):
        return self.sockets * self.cores * self.threads


def gpu_types(text):
    """["v100", "v100"] of "gpu:v100:2"."""
    types = []
    for part in parts_of(text):
        words = part.split(":")
        if words[0] != "gpu":
            raise Malformed(f"{part}: of GRES only GPUs are known here")
        count = int(words[-1]) if len(words) > 1 and words[-1].isdigit() else 1
        kind = words[1] if len(words) > 2 or (len(words) == 2 and not words[1].isdigit()) else ""
        types += [kind] * count
    return types


def node_of(name, place, row):
    def number(key, otherwise):
        return int(row.get(key, otherwise))

    for key in UNKNOWN & set(row):
        raise Malformed(f"{name}: {key} is not known here")
    threads = number("ThreadsPerCore", 1)
    sockets = number("Sockets", 0)
    cores = number("CoresPerSocket", 0)
    if not (sockets and cores):
        sockets = sockets or 1
        cores = cores or number("CPUs", 1) // (sockets * threads)
    features = frozenset(parts_of(row.get("Feature", row.get("Features", ""))))
    memory, weight = number("RealMemory", 1), number("Weight", 1)
    gpus = gpu_types(row.get("Gres", ""))
    return Node(name, place, sockets, cores, threads, memory, features, weight, gpus)


class Site:
    """What the files say."""

    def __init__(self, conf):
        conf = pathlib.Path(conf)
        self.keys, self.nodes, self.partitions, self.licenses = {}, {}, {}, {}
        self.leaves, self.tree = {}, False
        defaults = {"NodeName": {}, "PartitionName": {}}
        for row in lines_of(conf.read_text(encoding="utf-8")):
            kind = next((key for key in defaults if key in row), None)
            if kind is None:
                self.keys.update(row)
            elif row[kind] == "DEFAULT":
                defaults[kind].update(row)
            elif kind == "NodeName":
                self.add_nodes({**defaults[kind], **row})
            else:
                self.partitions[row[kind]] = {**defaults[kind], **row}
        for key in UNKNOWN & set(self.keys):
            raise Malformed(f"{key} is not known here")
        for part in parts_of(self.keys.get("Licenses", "")):
            name, _, count = part.partition(":")
            self.licenses[name] = int(count or 1)
        for name, row in self.partitions.items():
            row["names"] = self.names_of(name, row.get("Nodes", ""))
        self.tree = "tree" in self.keys.get("TopologyPlugin", "")
        if self.tree:
            self.read_switches(self.beside(conf, "topology.conf"))

    @staticmethod
    def beside(conf, name):
        return conf.with_name(conf.name.replace("slurm.conf", name)).read_text(encoding="utf-8")

    def add_nodes(self, row):
        for name in hosts(row["NodeName"]):
            self.nodes[name] = node_of(name, len(self.nodes), row)

    def names_of(self, partition, text):
        if text == "ALL":
            return set(self.nodes)
        names = set(hosts(text))
        if names - set(self.nodes):
            raise Malformed(f"partition {partition}: {sorted(names - set(self.nodes))}")
        return names

    def read_switches(self, text):
        above, leaf = {}, {}
        for row in lines_of(text):
            for child in hosts(row.get("Switches", "")):
                above[child] = row["SwitchName"]
            for name in hosts(row.get("Nodes", "")):
                leaf[name] = row["SwitchName"]
        for name, node in self.nodes.items():
            switch = leaf.get(name)
            while switch:
                node.switches.append(switch)
                switch = above.get(switch)

    # What the keys mean.
    @property
    def select(self):
        return {word.upper() for word in parts_of(self.keys.get("SelectTypeParameters", ""))}

    @property
    def counts_memory(self):
        return any(word.endswith("_MEMORY") for word in self.select)

    def charged(self, node, cpus):
        """What so many CPUs come to in the units that jobs get."""
        unit = 1
        if any("CR_CORE" in word for word in self.select):
            unit = node.threads
        if any("CR_SOCKET" in word for word in self.select):
            unit = node.cores * node.threads
        return -(-cpus // unit) * unit

    def enforces(self, what):
        words = set(parts_of(self.keys.get("AccountingStorageEnforce", "").lower()))
        return bool({what, "all"} & words) or (what == "associations" and bool(words))

    def scheduler(self, key, otherwise):
        words = dict(re.findall(r"(\w+)=(\w+)", self.keys.get("SchedulerParameters", "")))
        return int(words.get(key, otherwise))

    def default_partition(self):
        for name, row in self.partitions.items():
            if row.get("Default", "NO").upper() == "YES":
                return name
        return None
