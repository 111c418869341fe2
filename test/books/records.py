"""What the commands printed, as values: attempts by sacct, entries by the ledger, who is whose."""
import csv
import io
import json
import pathlib
import re
from decimal import Decimal

import amounts

MICRO = amounts.MICRO


def rows(text, delimiter="|"):
    """Lines with a header, as dictionaries."""
    head, *lines = text.splitlines()
    names = head.split(delimiter)
    return [dict(zip(names, line.split(delimiter), strict=True)) for line in lines]


def sizes(text):
    """ "cpu=4,mem=1.50G" -> {"cpu": 4, "mem": 1536}; memory in MiB."""
    found = {}
    for piece in filter(None, text.split(",")):
        name, _, number = piece.partition("=")
        scale = 1
        if number[-1:] in "KMGTP":
            scale = Decimal(1024) ** "KMGTP".index(number[-1])
            scale = scale / 1024 if name == "mem" else scale * 1024
            number = number[:-1]
        exact = Decimal(number) * scale
        if exact != int(exact):
            raise ValueError(f"{piece}: not whole")
        found[name] = int(exact)
    return found


def span(text):
    """ "1-02:03:04" or "03:04" in seconds."""
    days, _, rest = text.rpartition("-")
    seconds = 0
    for piece in rest.split(":"):
        seconds = seconds * 60 + int(piece)
    return int(days or 0) * 86_400 + seconds


class Attempt:
    """A row of sacct -D: one run of a job, or one that never began."""

    def __init__(self, row):
        self.job, self.name = int(row["JobIDRaw"].split("+")[0]), row["JobName"]
        self.user, self.account = row["User"], row["Account"]
        self.partition, self.qos, self.wckey = row["Partition"], row["QOS"], row["WCKey"]
        self.state = row["State"].split(" ")[0]
        self.first = int(row["Start"]) if row["Start"].isdigit() else None
        self.last = int(row["End"]) if row["End"].isdigit() else None
        self.elapsed = int(row["ElapsedRaw"])
        self.still_s = span(row["Suspended"])
        self.cpu_seconds = int(row["CPUTimeRAW"])
        self.tres = sizes(row["AllocTRES"])
        self.limit = int(row["TimelimitRaw"]) if row["TimelimitRaw"].isdigit() else None
        self.licences = row["Licenses"]
        self.label = row["JobID"]
        # Of the ledger, once they are matched (reconcile.py):
        self.entries = []
        self.begin = self.end = None  # microseconds; up to when it was charged
        self.exact = True  # whether that is when it ended
        self.still = []
        self.book = None
        self.accounts = ()

    @property
    def ran(self):
        return self.first is not None and bool(self.tres)

    @property
    def meters(self):
        """What it had of everything that is counted; licences are a field of their own."""
        found = dict(self.tres)
        for piece in filter(None, self.licences.split(",")):
            name, _, count = piece.partition(":")
            found[f"license/{name}"] = int(count or 1)
        return found


class Entry:
    """A row of the ledger's JSON export; money in millionths, quantities in count-microseconds."""

    MONEY = ("amount", "list", "contracted", "effective", "billed", "unit_price")
    QUANTITIES = ("consumed_seconds", "priced_seconds")

    def __init__(self, row):
        self.row = row
        for name in self.MONEY + self.QUANTITIES:
            setattr(self, name.removesuffix("_seconds"), amounts.micros(str(row[name])))
        for name in ("kind", "month", "customer", "currency", "account", "user", "partition"):
            setattr(self, name, row[name])
        for name in ("qos", "wckey", "book", "version", "sku", "meter", "fate", "note", "count"):
            setattr(self, name, row[name])
        self.number, self.job, self.attempt = row["entry"], row["job"], row["attempt"]
        self.key = row["uid128"], row["attempt"]
        self.begin, self.end = row["from_us"], row["to_us"]
        self.time = amounts.moment(row["time"]) if row["time"] else 0
        self.discount, self.package = row["discount_permille"], row["package"]
        self.refers_to, self.correction = row["refers_to"], bool(row["correction"])
        self.postings = {}
        for piece in row["postings"].split():
            account, _, amount = piece.partition(":")
            self.postings[account] = self.postings.get(account, 0) + amounts.micros(amount)


class Exports:
    """A folder that collect.py filled."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.attempts = [Attempt(row) for row in rows(self.text("sacct.txt"))]
        self.months = sorted(
            path.stem.removeprefix("entries-") for path in self.folder.glob("entries-*.json")
        )
        self.entries = []
        for month in self.months:
            self.entries += [Entry(row) for row in self.json(f"entries-{month}.json")]
        self.entries.sort(key=lambda entry: entry.number)
        self.customers = {one["name"]: one for one in self.json("customers.json")}
        self.balances = {one["customer"]: one for one in self.json("balances.json")}
        self.books = amounts.Books(self.json("prices.json"))
        self.factors, self.parents = self.qos_factors(), self.account_parents()

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8")

    def json(self, name):
        return json.loads(self.text(name))

    def exact_json(self, name):
        """Numbers stay the texts that they are."""
        return json.loads(self.text(name), parse_float=str, parse_int=str)

    def text_as_is(self, name):
        return (self.folder / name).read_bytes().decode("utf-8")

    def csv(self, name):
        text = io.StringIO(self.text_as_is(name), newline="")
        return list(csv.DictReader(text, strict=True))

    def qos_factors(self):
        """{QOS: UsageFactor in millionths}"""
        lines = [line.split("|") for line in self.text("qos.txt").splitlines()]
        return {name: amounts.micros(factor) for name, factor in lines}

    def account_parents(self):
        found = {}
        for line in self.text("associations.txt").splitlines():
            _, account, user, parent = line.split("|")
            if not user:
                found[account] = parent
        return found

    def chain(self, account):
        """The account and all that are above it."""
        found = []
        while account:
            found.append(account)
            account = self.parents.get(account, "")
        return found

    def customer_of(self, account):
        owners = {one["account"]: one for one in self.customers.values()}
        for above in self.chain(account):
            if above in owners:
                return owners[above]
        return None

    def shares(self):
        """{(account, user): (RawUsage, {TRES: minutes})} of sshare."""
        found = {}
        for row in rows(self.text("sshare.txt")):
            key = row["Account"].strip(), row["User"].strip()
            found[key] = int(row["RawUsage"] or 0), sizes_of_minutes(row["GrpTRESRaw"])
        return found

    def counters(self):
        """{"qos NAME" or "account NAME" or "user ACCOUNT NAME": {TRES: used minutes}}"""
        found = {}
        name = None
        for line in self.text("assoc_mgr.txt").splitlines():
            words = line.split()
            if line.startswith("ClusterName="):
                values = dict(word.split("=", 1) for word in words if "=" in word)
                user = re.sub(r"\(.*\)$", "", values.get("UserName", ""))
                account = values["Account"]
                name = f"user {account} {user}" if user else f"account {account}"
            elif line.startswith("QOS="):
                name = "qos " + re.sub(r"\(.*\)$", "", words[0].removeprefix("QOS="))
            elif words and words[0].startswith("GrpTRESMins=") and name:
                pairs = re.findall(r"([^,=]+)=[^,(]*\((\d+)\)", words[0].partition("=")[2])
                found[name] = {tres: int(used) for tres, used in pairs}
        return found


def sizes_of_minutes(text):
    return {name: int(n) for name, _, n in (p.partition("=") for p in text.split(",") if p)}
