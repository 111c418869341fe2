"""The replay's table of placements (`sluice sim --placements`), read back."""
import csv
import dataclasses
import re


@dataclasses.dataclass
class Share:
    node: str
    cpus: int
    ids: frozenset
    memory: int
    tasks: int
    gpus: list  # (type, index)


@dataclasses.dataclass
class Stretch:
    """A time in which a job held the same of the same nodes."""

    number: int  # of the submission
    task: str
    job: str
    run: int
    submit: int  # ms
    start: int
    end: int
    state: str
    limit: object  # minutes, or None
    account: str
    qos: str
    partition: str
    licenses: dict
    shares: list

    @property
    def name(self):
        return f"{self.number}" + (f"_{self.task}" if self.task else "") + f" run {self.run}"

    @property
    def nodes(self):
        return [share.node for share in self.shares]

    @property
    def cpus(self):
        return sum(share.cpus for share in self.shares)


@dataclasses.dataclass
class Left:
    """Refused, or never started."""

    number: int
    task: str
    state: str
    reason: str


def numbers(text):
    made = set()
    for part in text.split(",") if text else []:
        first, _, last = part.partition("-")
        made |= set(range(int(first), int(last or first) + 1))
    return frozenset(made)


def gpus_of(text):
    held = []
    for kind, count, indices in re.findall(
        r"gpu(?::([^:()]*[^:()\d][^:()]*))?:(\d+)(?:\(IDX:([\d,-]+)\))?", text
    ):
        found = sorted(numbers(indices))
        if len(found) != int(count):
            found = [None] * int(count)
        held += [(kind, index) for index in found]
    return held


def milliseconds(text):
    seconds, _, rest = text.partition(".")
    return int(seconds) * 1000 + int(rest or 0)


def share_of(row):
    return Share(
        row["node"],
        int(row["cpus"]),
        numbers(row["cpu_ids"]),
        int(row["memory"]),
        int(row["tasks"]),
        gpus_of(row["gres"]),
    )


def stretch_of(row):
    licenses = dict(part.rsplit(":", 1) for part in row["licenses"].split(",") if part)
    return Stretch(
        int(row["id"]),
        row["task"],
        row["job"],
        int(row["run"]),
        milliseconds(row["submit"]),
        milliseconds(row["start"]),
        milliseconds(row["end"]),
        row["state"],
        None if row["limit"] == "UNLIMITED" else int(row["limit"]),
        row["account"],
        row["qos"],
        row["partition"],
        {name: int(count) for name, count in licenses.items()},
        [],
    )


def read(path):
    """([Stretch], [Left])"""
    stretches, left, last = [], [], None
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if not row["start"]:
                left.append(Left(int(row["id"]), row["task"], row["state"], row["reason"]))
                continue
            key = (row["job"], row["run"], row["start"])
            if key != last:
                stretches.append(stretch_of(row))
                last = key
            stretches[-1].shares.append(share_of(row))
    return stretches, left
