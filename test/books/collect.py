"""Everything that the checker reads, written into a folder: what commands print, and nothing else.

The price file is in it as well: it is what the site's owner wrote, and what prices are to follow.
"""
import datetime
import json
import pathlib

JOB_FIELDS = (
    "jobidraw,jobid,jobname,user,account,partition,qos,state,submit,start,end,elapsedraw,suspended,"
    "cputimeraw,alloctres,timelimitraw,wckey,restarts,licenses,nodelist,exitcode"
)


def months_between(first, last):
    """["2023-11", ...] from the month of one second to that of another."""
    begin = datetime.datetime.fromtimestamp(first, datetime.timezone.utc)
    end = datetime.datetime.fromtimestamp(last, datetime.timezone.utc)
    numbers = range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month)
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in numbers]


def stamp(seconds):
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S")


class Collector:
    """`must` runs a command and gives what it printed, or fails."""

    def __init__(self, must, folder):
        self.must = lambda *words: must(*words, env={"TZ": "UTC", "SLURM_TIME_FORMAT": "%s"})
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name, *words):
        text = self.must(*words)
        (self.folder / name).write_text(text, encoding="utf-8", newline="")
        return text

    def bill(self, name, *words):
        return self.keep(name, "sluice", "bill", *words)

    def export(self, name, *words):
        """Written by the command itself, byte by byte."""
        self.must("sluice", "bill", "export", *words, "--output", self.folder / name)

    def jobs(self, first, last):
        period = ("-S", stamp(first), "-E", stamp(last))
        self.keep("sacct.txt", "sacct", "-a", "-D", "-X", "-P", *period, "-o", JOB_FIELDS)
        period = (f"start={stamp(first)}", f"end={stamp(last)}")
        report = ("sreport", "-n", "-P", "-t", "seconds", "-T", "ALL")
        self.keep("sreport_users.txt", *report, "cluster", "AccountUtilizationByUser", *period)
        self.keep("sreport_top.txt", *report, "user", "top", "topcount=1000", *period)
        self.keep("sreport_cluster.txt", *report, "cluster", "utilization", *period)

    def accounts(self):
        shown = ("sacctmgr", "-n", "-P", "show")
        self.keep("associations.txt", *shown, "assoc", "format=id,account,user,parentname")
        self.keep("qos.txt", *shown, "qos", "format=name,usagefactor")
        self.keep("sshare.txt", "sshare", "-a", "-P", "-o", "account,user,rawusage,grptresraw")
        self.keep("assoc_mgr.txt", "scontrol", "show", "assoc_mgr")

    def money(self, months):
        customers = json.loads(self.bill("customers.json", "customer", "list", "--json"))
        self.bill("balances.json", "balance", "--json")
        self.bill("verify.txt", "verify")
        self.bill("prices_shown.json", "prices", "show", "--json")
        for month in months:
            for form in ("json", "csv"):
                self.export(f"entries-{month}.{form}", "--month", month, "--format", form)
            for version in ("1.2", "1.4"):
                words = ("--month", month, "--focus-version", version, "--provider", "Site & Co")
                words += ("--host", "Host", "--format")
                self.export(f"focus{version}-{month}.csv", *words, "focus")
                self.export(f"focus{version}-{month}.json", *words, "focus-json")
            for customer in customers:
                name = customer["name"]
                words = ("invoice", name, "--month", month, "--format", "json")
                self.bill(f"invoice-{name}-{month}.json", *words)
        for customer in customers:
            name = customer["name"]
            self.bill(f"statement-{name}.json", "statement", name, "--json")

    def everything(self, first, last, prices):
        """From one second to another; `prices`: the text of the price file in force."""
        (self.folder / "prices.json").write_text(prices, encoding="utf-8")
        self.jobs(first, last)
        self.accounts()
        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        months = [*months_between(first, last)]
        months += [month for month in months_between(now - 7200, now) if month not in months]
        self.money(months)
