"""The ledger by itself, in its order: postings, holds, packages, months; then balances, statements
and invoices against it."""
import collections

import amounts
from amounts import MICRO

USE = ("charge", "reversal")


def price_of(exports, entry):
    for book in exports.books.books:
        if (book.name, book.version) == (entry.book, entry.version):
            return next((price for price in book.prices if price.sku == entry.sku), None)
    return None


class Ledger:
    """Goes through the entries once, with what a bookkeeper would have on paper."""

    def __init__(self, findings, exports):
        self.findings, self.exports = findings, exports
        self.accounts = collections.defaultdict(collections.Counter)  # by customer
        self.held = collections.Counter()  # by attempt
        self.rated = collections.Counter()  # (attempt, version, SKU): priced so far
        self.packages = {}
        self.closed = ""

    def run(self):
        numbers = [entry.number for entry in self.exports.entries]
        whole = list(range(1, len(numbers) + 1))
        self.findings.check(numbers == whole, "entries are numbered without a gap", "a gap")
        before = 0
        for entry in self.exports.entries:
            self.findings.check(entry.time >= before, "time never goes back", f"{entry.number}")
            before = entry.time
            self.take(entry)
        left = {key: amount for key, amount in self.held.items() if amount}
        self.findings.check(not left, "nothing stays held", f"{list(left.items())[:3]}")

    def take(self, entry):
        name = f"entry {entry.number} ({entry.kind})"
        self.findings.equal(sum(entry.postings.values()), 0, "postings add up to nothing", name)
        for account, amount in entry.postings.items():
            self.accounts[entry.customer][account] += amount
        self.month(entry, name)
        self.findings.equal(entry.billed, self.billed(entry), "billed by the customer's kind", name)
        if entry.kind == "purchase":
            self.packages[entry.package] = [entry.priced, entry.amount, 0, 0]
        if entry.kind == "expiry":
            total, price, used, spread = self.packages[entry.package]
            told = entry.priced, entry.effective
            self.findings.equal(told, (total - used, price - spread), "packages expire", name)
        if entry.kind in ("hold", "release"):
            self.held[entry.key] += entry.postings.get("held", 0)
            sign = 1 if entry.kind == "hold" else -1
            if not entry.package:
                moved = entry.postings.get("held", 0)
                self.findings.equal(moved, sign * entry.amount, "holds and releases", name)
        if entry.kind in USE:
            self.use(entry, name)

    def month(self, entry, name):
        if entry.kind == "closing":
            self.findings.check(entry.month > self.closed, "months are closed in order", name)
            self.closed = entry.month
        elif entry.customer and entry.kind not in ("invoice", "notice"):
            late = entry.month > self.closed
            self.findings.check(late, "closed months stay as they are", f"{name}: {entry.month}")
        if entry.kind == "charge":
            own = month_of(entry.begin)
            good = entry.month == own if not entry.correction else own <= self.closed
            self.findings.check(good, "use is in its own month", f"{name}: {entry.month}, {own}")

    def billed(self, entry):
        if not entry.customer:
            return 0
        prepaid = self.exports.customers[entry.customer]["kind"] == "prepaid"
        posted = entry.postings.get
        if entry.kind in ("topup", "withdrawal"):
            return -posted("cash", 0) if prepaid else 0
        if prepaid or entry.kind in ("invoice", "payment", "expiry", "hold", "release", "notice"):
            return 0
        return -posted("balance", 0) - posted("held", 0)

    def use(self, entry, name):
        price, line = price_of(self.exports, entry), (entry.key, entry.version, entry.sku)
        if not self.findings.check(price is not None, "charges name a price of the file", name):
            return
        customer = self.exports.customers[entry.customer]
        told = entry.unit_price, entry.meter, entry.discount, entry.book, entry.currency
        wanted = price.unit_price, price.meter, customer["discount_permille"], customer["book"]
        wanted += (customer["currency"],)
        self.findings.equal(told, wanted, "charges name price and discount", name)
        before = self.rated[line]
        self.rated[line] += entry.priced
        if entry.kind == "charge":
            after, permille = self.rated[line], 1000 - entry.discount
            cost = price.cost(after) - price.cost(before)
            net = price.cost(after, permille) - price.cost(before, permille)
            got = entry.list, entry.contracted
            self.findings.equal(got, (cost, net), "each charge is a difference of floors", name)
        if entry.package:
            self.package(entry, name)
        else:
            self.findings.equal(entry.effective, entry.contracted, "effective cost", name)
        earned = entry.postings.get("earnings", 0)
        self.findings.equal(earned, entry.effective, "what is earned is the effective cost", name)
        if entry.kind == "charge" and not entry.package:
            taken = -entry.postings.get("held", 0)
            least = min(self.held[entry.key], entry.contracted)
            self.findings.equal(taken, least, "charges are taken from what is held", name)
        self.held[entry.key] += entry.postings.get("held", 0)

    def package(self, entry, name):
        """[total, price, used, amortised]: a package is spread over its use, without a rest."""
        package = self.packages[entry.package]
        if entry.kind == "reversal":
            package[2] += entry.priced
            package[3] += entry.effective
            return
        package[2] += entry.priced
        worth = package[1] * package[2] // package[0]
        expected = max(0, worth - package[3])
        self.findings.equal(entry.effective, expected, "packages are spread over use", name)
        self.findings.check(package[2] <= package[0], "no package is overdrawn", name)
        self.findings.equal(entry.billed, 0, "use of packages is not billed", name)
        package[3] += entry.effective


def month_of(when):
    return amounts.datetime.datetime.fromtimestamp(
        when // MICRO, amounts.datetime.timezone.utc
    ).strftime("%Y-%m")


def balances(findings, exports, ledger):
    names = {"balance": "balance", "held": "held", "receivable": "receivable"}
    names |= {"packages": "package", "used": "earnings"}
    for name, told in exports.balances.items():
        sums = ledger.accounts[name]
        for shown, account in names.items():
            got, wanted = amounts.micros(told[shown]), sums[account]
            findings.equal(got, wanted, "balances are sums of postings", f"{name} {shown}")
        got = amounts.micros(told["received"])
        findings.equal(got, -sums["cash"], "balances are sums of postings", f"{name} received")
        findings.equal(sum(sums.values()), 0, "each customer's accounts are balanced", name)
        for package in told["prepaid"]:
            known = ledger.packages[package["id"]]
            got = [amounts.micros(package[f"{word}_seconds"]) for word in ("total", "used")]
            got += [amounts.micros(package["held_seconds"]), amounts.micros(package["amortised"])]
            wanted = [known[0], known[2], 0, known[3]]
            findings.equal(got, wanted, "packages are what was drawn", f"package {package['id']}")
    moved = sum(sums["transfers"] for sums in ledger.accounts.values())
    findings.equal(moved, 0, "transfers go from one to another", "all customers")


def invoices(findings, exports):
    issued = {(e.customer, e.month): e for e in exports.entries if e.kind == "invoice"}
    for month in exports.months:
        for name, customer in exports.customers.items():
            own = [e for e in exports.entries if (e.customer, e.month) == (name, month)]
            billed = sum(e.billed for e in own)
            made, subject = exports.json(f"invoice-{name}-{month}.json"), f"{name} {month}"
            amount = amounts.micros(made["amount"])
            findings.equal(amount, billed, "invoices are sums of entries", subject)
            lines = sum(amounts.micros(line["billed"]) for line in made["lines"])
            findings.equal(lines, amount, "invoices are sums of their lines", subject)
            for kind in ("list", "contracted", "effective"):
                wanted = sum(getattr(e, kind) for e in own if e.kind != "hold")
                got = amounts.micros(made[kind])
                findings.equal(got, wanted, "invoices are sums of entries", f"{subject} {kind}")
            entry = issued.get((name, month))
            findings.equal(made["issued"], entry is not None, "closed months are issued", subject)
            if entry is None:
                continue
            wanted = entry.amount, entry.number
            findings.equal((amount, made["entry"]), wanted, "issued as closed", subject)
            if customer["kind"] == "postpaid":
                findings.equal(amount % 10_000, 0, "a payable amount", subject)
                rounding = sum(e.billed for e in own if e.kind == "rounding")
                findings.check(abs(rounding) <= 5_000, "a payable amount", f"{subject} {rounding}")


def statements(findings, exports):
    for name in exports.customers:
        told = exports.json(f"statement-{name}.json")
        own = [e for e in exports.entries if e.customer == name]
        for kind in ("list", "contracted", "effective", "billed"):
            wanted = sum(getattr(entry, kind) for entry in own)
            got = amounts.micros(told[kind])
            findings.equal(got, wanted, "statements are sums of entries", f"{name} {kind}")
        after, last = told["after"], exports.balances[name]
        for word in ("balance", "held", "receivable", "packages", "used"):
            findings.equal(after[word], last[word], "statements end with the balance", name)


def forms(findings, exports):
    """The CSV export says what the JSON export says."""
    for month in exports.months:
        plain = [list(row.values()) for row in exports.csv(f"entries-{month}.csv")]
        other = [
            [str(value) for value in row.values()] for row in exports.json(f"entries-{month}.json")
        ]
        findings.equal(len(plain), len(other), "CSV and JSON exports agree", month)
        for a, b in zip(plain, other):
            findings.equal(a, b, "CSV and JSON exports agree", f"{month} entry {a[0]}")


def prices(findings, exports):
    """What is shown of the price books in force is what the file says."""

    def lines(name, version, currency, rows):
        return [(name, version, currency, sku, meter, amount) for sku, meter, amount in rows]

    shown, written = [], []
    for book in exports.json("prices_shown.json"):
        rows = [(p["sku"], p["meter"], amounts.micros(p["price"])) for p in book["prices"]]
        shown += lines(book["name"], book["version"], book["currency"], rows)
    for book in exports.books.books:
        rows = [(price.sku, price.meter, price.unit_price) for price in book.prices]
        written += lines(book.name, book.version, book.currency, rows)
    findings.equal(len(shown), len(written), "price books as written", "prices")
    for told, wanted in zip(sorted(shown), sorted(written)):
        findings.equal(told, wanted, "price books as written", "prices")


def money(findings, exports):
    prices(findings, exports)
    ledger = Ledger(findings, exports)
    ledger.run()
    balances(findings, exports, ledger)
    invoices(findings, exports)
    statements(findings, exports)
    forms(findings, exports)
    verified = exports.text("verify.txt")
    findings.check("all sound" in verified, "sluice bill verify", verified.strip())
