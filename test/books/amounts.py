"""The rules of price files, once more, in whole numbers: what an attempt costs.

Written from the description of price files (man sluice-bill, etc/prices.yaml), not from the code
that it checks. Times are microseconds, quantities count-microseconds, money millionths.
"""
import bisect
import datetime

MICRO = 1_000_000
DAY = 86_400 * MICRO
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNIT = {"mem": 3600 * 1024}  # counts are MiB, prices are per GiB


def micros(amount):
    """ "12.5" or 12.5 -> 12500000"""
    text = f"{amount:.6f}" if isinstance(amount, (int, float)) else amount
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, part = text.partition(".")
    if len(part) > 6 and part[6:].strip("0"):
        raise ValueError(f"{amount}: more than six decimals")
    return sign * (int(whole) * MICRO + int(f"{part[:6]:0<6}"))


def moment(text):
    """A date or a UTC time, as microseconds."""
    if "T" not in text:
        text += "T00:00:00Z"
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(when.timestamp()) * MICRO


def offset(text):
    sign, rest = (-1, text[1:]) if text[:1] in "+-" and text[0] == "-" else (1, text.lstrip("+"))
    hours, _, minutes = rest.partition(":")
    return sign * (int(hours) * 3600 + int(minutes or 0) * 60) * MICRO


def days(text):
    """ "mon-fri,sun" as a set of numbers; Monday is 0."""
    found = set()
    for piece in text.split(","):
        first, _, last = piece.strip().partition("-")
        day, end = NAMES.index(first), NAMES.index(last or first)
        found.add(day)
        while day != end:
            day = (day + 1) % 7
            found.add(day)
    return found


def minute(text):
    hours, _, minutes = text.strip().partition(":")
    return int(hours) * 60 + int(minutes)


class Price:
    def __init__(self, row):
        self.sku, self.meter, self.unit_price = row["sku"], row["meter"], micros(row["price"])
        self.partitions, self.qos = row.get("partitions", []), row.get("qos", [])
        self.accounts = row.get("accounts", [])
        self.days = days(row.get("days", "mon-sun"))
        first, _, last = row.get("hours", "00:00-24:00").partition("-")
        self.first, self.last = minute(first), minute(last)
        self.always = "days" not in row and "hours" not in row
        self.while_suspended = row.get("suspended") == "charged"
        self.per_hour = UNIT.get(self.meter, 3600)

    def is_open(self, local):
        day, rest = divmod(local, DAY)
        weekday, now = (day + 3) % 7, rest // (60 * MICRO)  # 1 January 1970 was a Thursday
        if self.first < self.last:
            return weekday in self.days and self.first <= now < self.last
        yesterday = (weekday - 1) % 7
        return (weekday in self.days and now >= self.first) or (
            yesterday in self.days and now < self.last
        )

    def concerns(self, job):
        return (
            (not self.partitions or job.partition in self.partitions)
            and (not self.qos or job.qos in self.qos)
            and (not self.accounts or any(one in self.accounts for one in job.accounts))
        )

    def cost(self, quantity, permille=1000):
        return quantity * self.unit_price * permille // (self.per_hour * MICRO * 1000)


class Book:
    FREE = ("node_fail", "launch_failed", "boot_fail")

    def __init__(self, row):
        self.name, self.version, self.currency = row["name"], row["version"], row["currency"]
        self.begin = moment(row["valid_from"])
        self.end = moment(row["valid_until"]) if "valid_until" in row else None
        self.offset = offset(row.get("utc_offset", "0"))
        self.granule = row.get("granularity", 1) * MICRO
        self.minimum = row.get("minimum", 0) * MICRO
        self.free = row.get("free", self.FREE)
        self.dearest = row.get("combine") == "max"
        self.prices = [Price(one) for one in row["prices"]]

    def price(self, meter, job, when):
        for one in self.prices:
            if one.meter == meter and one.concerns(job) and one.is_open(when + self.offset):
                return one
        return None

    def edges(self, begin, end):
        """When prices may change within the book's own time."""
        found = set()
        for one in self.prices:
            if one.always:
                continue
            for at in (one.first % 1440, one.last % 1440):
                local = (begin + self.offset) // DAY * DAY + at * 60 * MICRO
                while local - self.offset < end:
                    found.add(local - self.offset)
                    local += DAY
        return found


class Granules:
    """Time is charged in granules from the beginning; the first one is at least the minimum."""

    def __init__(self, begin, book):
        self.start, self.size = begin, book.granule
        self.first = begin + max(self.size, -(-book.minimum // self.size) * self.size)

    def begin(self, when):
        if when < self.first:
            return self.start
        return self.first + (when - self.first) // self.size * self.size

    def end(self, when):
        if when <= self.start:
            return self.start
        return self.first if when <= self.first else self.begin(when - 1) + self.size


def generic(meter):
    return meter.partition(":")[0] if ":" in meter else None


def tariff(book, job, when, suspended):
    """[(price, count)] of what is allocated; a typed device by its type's price if there is one."""
    prices = {meter: book.price(meter, job, when) for meter in job.meters}
    found = {}

    def add(price, count):
        if price is not None and count > 0:
            found[price] = found.get(price, 0) + count

    for meter, count in job.meters.items():
        typed = sum(n for m, n in job.meters.items() if generic(m) == meter and prices[m])
        add(prices[meter], count - typed)
        alone = generic(meter) and generic(meter) not in job.meters
        if alone and prices[meter] is None:
            add(book.price(generic(meter), job, when), count)
    charged = {p: n for p, n in found.items() if not suspended or p.while_suspended}
    if book.dearest:
        charged = dearest(charged)
    return list(charged.items())


def dearest(charged):
    """Of CPUs, memory and devices the dearest; what is neither is added to it."""

    def group(price):
        return 2 if price.meter.startswith("gres/") else {"cpu": 0, "mem": 1}.get(price.meter, 3)

    sums = [0, 0, 0]
    for price, count in charged.items():
        if group(price) < 3:
            sums[group(price)] += count * price.unit_price * 3600 * 1024 // price.per_hour
    best = sums.index(max(sums))
    return {p: n for p, n in charged.items() if group(p) in (3, best)}


class Books:
    """All versions of all books."""

    def __init__(self, document):
        self.books = [Book(row) for row in document["price_books"]]

    def at(self, name, when):
        for one in self.books:
            if one.name == name and one.begin <= when and (one.end is None or when < one.end):
                return one
        return None

    def changes(self, name, begin, end):
        found = set()
        for one in self.books:
            if one.name == name:
                found |= one.edges(begin - DAY, end + DAY) | {one.begin, one.end or one.begin}
        return sorted(found)

    def free(self, job):
        return self.at(job.book, job.begin).free

    def lines(self, job):
        """{(version, sku): [price, consumed, priced]} of a job from `begin` to `end`.

        `job` has meters, accounts, partition, qos, book, begin, end, still: [(from, to)].
        """
        found = {}
        granules = Granules(job.begin, self.at(job.book, job.begin))
        changes = self.changes(job.book, job.begin, job.end)
        cuts = sorted({cut for pair in job.still for cut in pair})

        def charge(when, suspended, consumed, priced):
            book = self.at(job.book, granules.begin(when))
            for price, count in tariff(book, job, granules.begin(when), suspended):
                line = found.setdefault((book.version, price.sku), [price, 0, 0])
                line[1] += count * consumed
                line[2] += count * priced

        now, suspended = job.begin, False
        while now < job.end:
            suspended = any(a <= now < b for a, b in job.still)
            after = bisect.bisect_right(changes, granules.begin(now))
            until = granules.end(changes[after]) if after < len(changes) else job.end
            cut = bisect.bisect_right(cuts, now)
            until = min(until, job.end, cuts[cut] if cut < len(cuts) else job.end)
            charge(now, suspended, until - now, until - now)
            now = until
        rest = granules.end(job.end) - job.end
        if job.end > job.begin and rest:
            charge(job.end, any(b == job.end for _, b in job.still), 0, rest)
        return {key: line for key, line in found.items() if line[2]}
