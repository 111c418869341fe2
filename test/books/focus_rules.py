"""A FOCUS file (the FinOps cost and usage specification, 1.2 or 1.4) against the specification's
rules, and against the ledger and the invoices that it is an export of."""
import collections
import datetime
import json
import re
from decimal import Decimal

import amounts

NUMBER, TEXT, TIME, JSON = "number", "text", "time", "json"
# Mandatory columns: what they hold, and whether null is allowed.
BOTH = {
    "BilledCost": (NUMBER, False),
    "BillingAccountId": (TEXT, False),
    "BillingAccountName": (TEXT, True),
    "BillingCurrency": (TEXT, False),
    "BillingPeriodStart": (TIME, False),
    "BillingPeriodEnd": (TIME, False),
    "ChargeCategory": (TEXT, False),
    "ChargeClass": (TEXT, True),
    "ChargeDescription": (TEXT, True),
    "ChargePeriodStart": (TIME, False),
    "ChargePeriodEnd": (TIME, False),
    "ContractedCost": (NUMBER, False),
    "EffectiveCost": (NUMBER, False),
    "InvoiceIssuerName": (TEXT, False),
    "ListCost": (NUMBER, False),
    "PricingQuantity": (NUMBER, True),
    "PricingUnit": (TEXT, True),
    "ServiceCategory": (TEXT, False),
    "ServiceName": (TEXT, False),
}
MANDATORY = {
    "1.2": BOTH | {"ProviderName": (TEXT, False), "PublisherName": (TEXT, False)},
    "1.4": BOTH | {"ServiceProviderName": (TEXT, False), "HostProviderName": (TEXT, False)},
}
OPTIONAL = {
    name: (NUMBER, True)
    for name in (
        "CommitmentDiscountQuantity ConsumedQuantity ContractedUnitPrice ListUnitPrice"
        " PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost"
        " PricingCurrencyListUnitPrice"
    ).split()
} | {
    name: (TEXT, True)
    for name in (
        "AvailabilityZone BillingAccountType CapacityReservationId CapacityReservationStatus"
        " ChargeFrequency CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName"
        " CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedUnit"
        " InvoiceId PricingCategory PricingCurrency RegionId RegionName ResourceId ResourceName"
        " ResourceType ServiceSubcategory SkuId SkuMeter SkuPriceId SubAccountId SubAccountName"
        " SubAccountType"
    ).split()
}
OPTIONAL |= {"SkuPriceDetails": (JSON, True), "Tags": (JSON, True)}
GONE = {"1.2": (), "1.4": ("ProviderName", "PublisherName")}
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "CapacityReservationStatus": {"Used", "Unused"},
    "CommitmentDiscountStatus": {"Used", "Unused"},
    "CommitmentDiscountCategory": {"Spend", "Usage"},
    "ServiceCategory": {
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Multicloud",
        "Networking",
        "Security",
        "Storage",
        "Web",
        "Other",
    },
}
# A column that says something of another one, and is null where that is.
WITH = {
    "BillingAccountType": "BillingAccountId",
    "CommitmentDiscountCategory": "CommitmentDiscountId",
    "CommitmentDiscountName": "CommitmentDiscountId",
    "CommitmentDiscountQuantity": "CommitmentDiscountId",
    "CommitmentDiscountStatus": "CommitmentDiscountId",
    "CommitmentDiscountUnit": "CommitmentDiscountQuantity",
    "ConsumedUnit": "ConsumedQuantity",
    "PricingUnit": "PricingQuantity",
    "RegionName": "RegionId",
    "ResourceName": "ResourceId",
    "ResourceType": "ResourceId",
    "SubAccountName": "SubAccountId",
    "SubAccountType": "SubAccountId",
    "SkuPriceDetails": "SkuPriceId",
}
COSTS = {
    "BilledCost": "billed",
    "EffectiveCost": "effective",
    "ContractedCost": "contracted",
    "ListCost": "list",
}
CURRENCY = re.compile(r"[A-Z]{3}\Z")
DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?\Z")
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
PASCAL = re.compile(r"(x_)?[A-Z][A-Za-z0-9]*\Z")


def columns(findings, version, names):
    what = f"FOCUS {version}, columns"
    mandatory = MANDATORY[version]
    for name in mandatory:
        findings.check(name in names, what, f"{name} is missing")
    findings.equal(len(set(names)), len(names), what, "columns are there once")
    for name in names:
        findings.check(PASCAL.match(name), what, f"{name} is not in PascalCase")
        known = name in mandatory or name in OPTIONAL
        findings.check(known or name.startswith("x_"), what, f"{name} is of nobody")
        findings.check(name not in GONE[version], what, f"{name} is no more")


def value(findings, version, name, text):
    """One cell by its column's kind."""
    kind, nullable = MANDATORY[version].get(name) or OPTIONAL.get(name, (TEXT, True))
    what = f"FOCUS {version}, values"
    if text == "":
        return findings.check(nullable, what, f"{name} is null")
    if name in ALLOWED:
        return findings.check(text in ALLOWED[name], what, f"{name}: {text}")
    if kind == NUMBER:
        return findings.check(DECIMAL.match(text), what, f"{name}: {text} is no number")
    if kind == TIME:
        return findings.check(UTC.match(text), what, f"{name}: {text} is no UTC time")
    if kind == JSON:
        try:
            good = isinstance(json.loads(text), dict)
        except ValueError:
            good = False
        return findings.check(good, what, f"{name}: {text} is no JSON object")
    return findings.check(text == text.strip(), what, f"{name}: '{text}'")


def month_period(month):
    year, number = int(month[:4]), int(month[5:])
    after = datetime.date(year + number // 12, number % 12 + 1, 1)
    return f"{month}-01T00:00:00Z", f"{after}T00:00:00Z"


def periods(findings, version, row, month):
    what = f"FOCUS {version}, periods are half-open and within the month"
    begin, end = row["BillingPeriodStart"], row["BillingPeriodEnd"]
    findings.equal((begin, end), month_period(month), what, "the billing period")
    first, last = row["ChargePeriodStart"], row["ChargePeriodEnd"]
    findings.check(first < last, what, f"from {first} to {last}")
    if row["ChargeClass"] != "Correction":
        inside = begin <= first and last <= end
        findings.check(inside, what, f"entry {row['x_EntryId']}: from {first} to {last}")


def relations(findings, version, row):
    """Which columns go with which."""
    what, name = f"FOCUS {version}, columns that go together", f"entry {row['x_EntryId']}"
    for column, other in WITH.items():
        if row.get(column):
            findings.check(row.get(other), what, f"{name}: {column} without {other}")
    category, corrected = row["ChargeCategory"], row["ChargeClass"] == "Correction"
    if category in ("Usage", "Purchase") and not corrected:
        for column in ("PricingQuantity", "PricingUnit", "ListUnitPrice", "ContractedUnitPrice"):
            findings.check(row[column], what, f"{name}: {column} is null")
    if category != "Usage":
        for column in ("ConsumedQuantity", "CommitmentDiscountStatus"):
            findings.check(not row[column], what, f"{name}: {category} with {column}")
    if row["CommitmentDiscountId"] and category == "Usage":
        findings.check(row["CommitmentDiscountStatus"], what, f"{name}: no commitment status")
    if row["PricingQuantity"] and row["ListUnitPrice"]:
        for unit, cost in (
            ("ListUnitPrice", "ListCost"),
            ("ContractedUnitPrice", "ContractedCost"),
        ):
            product = Decimal(row["PricingQuantity"]) * Decimal(row[unit])
            off = abs(product - Decimal(row[cost]))
            line = f"{name}: {cost} {row[cost]}, {product}"
            findings.check(off <= Decimal("0.000002"), f"{what[:9]}, unit prices", line)


def against_ledger(findings, version, row, entry, customer):
    name = f"entry {entry.number}"
    what = f"FOCUS {version}, rows are the ledger's entries"
    for column, attribute in COSTS.items():
        wanted = getattr(entry, attribute)
        findings.equal(amounts.micros(row[column]), wanted, what, f"{name} {column}")
    told = row["BillingCurrency"], row["ChargeClass"] == "Correction"
    findings.equal(told, (customer["currency"], entry.correction), what, name)
    findings.check(CURRENCY.match(row["BillingCurrency"]), what, f"{name}: currency")
    used = entry.kind == "charge" and entry.effective > 0
    if used and (customer["kind"] == "prepaid" or entry.package):
        good = amounts.micros(row["BilledCost"]) == 0 and amounts.micros(row["EffectiveCost"]) > 0
        findings.check(good, f"FOCUS {version}, prepaid use is not billed again", name)
    if entry.correction:
        late = row["ChargePeriodStart"] < row["BillingPeriodStart"]
        findings.check(late, f"FOCUS {version}, corrections are rows of an open month", name)


def on_invoices(entry):
    """Whether the entry is a row: what has no cost and no use is none."""
    if entry.kind == "expiry":
        return entry.priced != 0
    return entry.kind not in ("hold release invoice payment closing prices customer notice".split())


def file(findings, exports, version, month):
    text = exports.text_as_is(f"focus{version}-{month}.csv")
    table = exports.csv(f"focus{version}-{month}.csv")
    other = exports.exact_json(f"focus{version}-{month}.json")
    what = f"FOCUS {version}, CSV and JSON agree"
    findings.equal(text.count("\n"), text.count("\r\n"), what, f"{month}: lines end with CRLF")
    findings.equal(len(table), len(other), what, f"{month}: rows")
    columns(findings, version, text.split("\r\n", 1)[0].split(","))
    entries = {entry.number: entry for entry in exports.entries if entry.month == month}
    invoiced, seen = collections.Counter(), collections.Counter()
    for row, same in zip(table, other):
        plain = {k: as_text(v) for k, v in same.items()}
        findings.equal(row, plain, what, f"{month} entry {row['x_EntryId']}")
    for row in table:
        for name, cell in row.items():
            value(findings, version, name, cell)
        periods(findings, version, row, month)
        relations(findings, version, row)
        number = int(row["x_EntryId"])
        seen[number] += 1
        entry = entries.get(number)
        if findings.check(entry, f"FOCUS {version}, rows are the ledger's entries", str(number)):
            customer = exports.customers[entry.customer]
            against_ledger(findings, version, row, entry, customer)
            invoiced[entry.customer, row["InvoiceId"]] += amounts.micros(row["BilledCost"])
    wanted = collections.Counter(n for n, entry in entries.items() if on_invoices(entry))
    what = f"FOCUS {version}, each entry of an invoice is one row"
    findings.check(seen == wanted, what, f"{month}: {list((seen - wanted) + (wanted - seen))[:5]}")
    sums(findings, exports, version, (month, invoiced))


def sums(findings, exports, version, found):
    month, invoiced = found
    what = f"FOCUS {version}, rows of an invoice add up to it"
    for name in exports.customers:
        made = exports.json(f"invoice-{name}-{month}.json")
        own = {number: cost for (who, number), cost in invoiced.items() if who == name}
        total = sum(own.values())
        findings.equal(total, amounts.micros(made["amount"]), what, f"{name} {month}")
        wanted = {made["invoice"] if made["issued"] else ""}
        if own:
            findings.equal(set(own), wanted, what, f"{name} {month}: InvoiceId")


def as_text(cell):
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)


def focus(findings, exports):
    for version in MANDATORY:
        for month in exports.months:
            file(findings, exports, version, month)
