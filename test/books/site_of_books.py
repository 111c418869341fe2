"""The site whose books are checked: three levels of accounts, users, QOS, price books, customers.

Everything is a value made from a seed and a shape; texts for sluice.yaml, sacctmgr and the price
file come from it. Price files are written as JSON, which is YAML too, so that whoever checks prices
reads them with nothing but Python.
"""
import dataclasses
import datetime
import json

UTC = datetime.timezone.utc
QOS = {  # name: (usage factor, priority, more words of sacctmgr)
    "standard": ("1", 10, ""),
    "scavenger": ("0.333333", 0, "preemptmode=requeue gracetime=0"),
    "low": ("0.5", 1, "grptresmins=cpu=9000000"),
    "high": ("2", 100, "preempt=scavenger"),
    "urgent": ("1.5", 1000, "preempt=scavenger,low"),
    "gpus": ("1.25", 20, "flags=nodecay"),
}
# account: parent. Three levels below the root.
ACCOUNTS = {
    "science": "root",
    "physics": "science",
    "optics": "physics",
    "plasma": "physics",
    "chemistry": "science",
    "organic": "chemistry",
    "astro": "science",
    "pulsars": "astro",
    "industry": "root",
    "acme": "industry",
    "acme-cfd": "acme",
    "bio": "industry",
    "staff": "root",
}
LEAVES = ("optics", "plasma", "organic", "pulsars", "acme-cfd", "bio", "staff")
# Limits on minutes, so high that nothing waits for them: what is counted for them is checked.
LIMITED = {
    "optics": "cpu=60000000",
    "acme": "cpu=60000000,gres/gpu=9000000",
    "science": "mem=90000000G",
}
CUSTOMERS = [
    {"name": "science", "account": "science", "kind": "prepaid", "currency": "CHF"}
    | {"book": "academic", "warn_at": [5000, 500], "display_name": "Faculty of Science"},
    {"name": "astro", "account": "astro", "kind": "prepaid", "currency": "CHF"}
    | {"book": "academic", "discount": 5, "overdraft": 50, "grace": 600},
    {"name": "acme", "account": "acme", "kind": "postpaid", "currency": "EUR"}
    | {"book": "commercial", "discount": 12.5, "credit_limit": 1000000, "hold_hours": 2}
    | {"display_name": 'Acme "Fluids", Ltd', "address": "1 Main Street\n1000 Exampleton"},
    {"name": "bio", "account": "bio", "kind": "postpaid", "currency": "CHF"}
    | {"book": "academic", "discount": 3.7, "credit_limit": 500000},
]


@dataclasses.dataclass
class Shape:
    """How large, where, when. Times are seconds since 1970."""

    users: list
    nodes: list  # lines of sluice.yaml
    partitions: list
    begin: int
    change: int  # when the academic prices change
    turn: int  # when the commercial ones do
    more: str = ""  # of sluice.yaml


def played(users=40):
    """A virtual site over a month's end; midnights are those of UTC."""
    noon = int(datetime.datetime(2023, 11, 28, 6, tzinfo=UTC).timestamp())
    fixed = "autodetect: no, node_addr: 127.0.0.1"
    return Shape(
        users=[f"u{n:02}" for n in range(1, users + 1)],
        nodes=[
            f'{{node_name: "c[1-12]", cpus: 64, real_memory: 256000, {fixed}}}',
            f'{{node_name: "g[1-4]", cpus: 64, real_memory: 512000, gres: "gpu:a100:4", {fixed}}}',
            f'{{node_name: "h[1-2]", cpus: 96, real_memory: 1024000, gres: "gpu:h100:8", {fixed}}}',
        ],
        partitions=[
            "{partition_name: batch, nodes: 'c[1-12]', default: yes, max_time: 2-0,"
            ' tres_billing_weights: "CPU=1,Mem=0.25G"}',
            "{partition_name: gpu, nodes: 'g[1-4],h[1-2]', max_time: 2-0,"
            ' tres_billing_weights: "CPU=0.5,GRES/gpu=8,GRES/gpu:h100=4"}',
            "{partition_name: small, nodes: 'c[11-12]', max_time: 2-0}",
        ],
        begin=noon,
        change=int(datetime.datetime(2023, 11, 30, tzinfo=UTC).timestamp()),
        turn=int(datetime.datetime(2023, 12, 1, tzinfo=UTC).timestamp()),
        more="billing_period: 3600\nslurmd_timeout: 300\ndef_mem_per_cpu: 1000\n",
    )


def config(shape):
    head = """cluster_name: books
control_host: 127.0.0.1
listen_address: 127.0.0.1
priority_type: priority/multifactor
priority_decay_half_life: 0
priority_weight_qos: 100000
priority_weight_age: 1000
accounting_storage_enforce: "associations,limits,qos"
accounting_storage_tres: "gres/gpu,gres/gpu:a100,gres/gpu:h100,license/matlab"
licenses: "matlab:40"
preempt_type: preempt/qos
preempt_mode: cancel
return_to_service: 2
constrain_cores: no
constrain_ram_space: no
"""
    lines = [head + shape.more, "nodes:"]
    lines += [f"  - {node}" for node in shape.nodes]
    lines += ["partitions:"] + [f"  - {partition}" for partition in shape.partitions]
    return "\n".join(lines) + "\n"


def homes(shape):
    """{user: its accounts, the default one first}"""
    found = {}
    for number, user in enumerate(shape.users):
        first = LEAVES[number % len(LEAVES)]
        found[user] = [first]
        if number % 5 == 0:
            found[user].append(LEAVES[(number + 3) % len(LEAVES)])
    return found


def accounts(shape):
    """Commands of sacctmgr, without its name."""
    lines = [f"add qos {name} usagefactor={f} priority={p} {w}" for name, (f, p, w) in QOS.items()]
    lines.append(f"modify account root set qos=normal,{','.join(QOS)} defaultqos=standard")
    for account, parent in ACCOUNTS.items():
        limit = f" grptresmins={LIMITED[account]}" if account in LIMITED else ""
        lines.append(f"add account {account} parent={parent}{limit}")
    for user, own in homes(shape).items():
        lines.append(f"add user {user} account={','.join(own)} defaultaccount={own[0]}")
    return lines


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def core(sku, price, **more):
    return {
        "sku": sku,
        "meter": "cpu",
        "unit": "core-hour",
        "price": price,
        "service": "HPC",
    } | more


def card(sku, meter, price, **more):
    row = {"sku": sku, "meter": meter, "unit": "card-hour", "price": price}
    return row | {"service": "Accelerators"} | more


def memory(price, **more):
    row = {"sku": "memory", "meter": "mem", "unit": "gib-hour", "price": price}
    return row | {"service": "HPC"} | more


LICENCE = {"sku": "matlab", "meter": "license/matlab", "unit": "license-hour", "price": 0.5}
LICENCE |= {"service": "Licences"}


def academic(shape):
    first = {"name": "academic", "version": 1, "currency": "CHF", "utc_offset": "+01:00"}
    first |= {"valid_from": "2020-01-01", "valid_until": moment(shape.change), "minimum": 60}
    first["free"] = ["node_fail", "launch_failed", "boot_fail", "preempted"]
    first["prices"] = [
        core("core-urgent", 0.09, qos=["urgent", "high"]),
        core("core-scavenger", 0.004321, qos=["scavenger"]),
        core("core-optics", 0.0333, accounts=["physics"], partitions=["batch", "small"]),
        core("core-night", 0.02, hours="20:00-06:00"),
        core("core-day", 0.04),
        memory(0.005),
        card("card-a100", "gres/gpu:a100", 1.6, suspended="charged"),
        card("card", "gres/gpu", 0.9, suspended="charged"),
        LICENCE,
    ]
    then = {"name": "academic", "version": 2, "currency": "CHF", "utc_offset": "+01:00"}
    then |= {"valid_from": moment(shape.change), "granularity": 1, "minimum": 0}
    then["free"] = ["node_fail", "launch_failed", "boot_fail"]
    then["prices"] = [
        core("core-urgent", 0.1, qos=["urgent"]),
        core("core-weekend", 0.021, days="sat-sun"),
        core("core-day", 0.047777),
        memory(0.0061),
        card("card", "gres/gpu", 1.1, suspended="charged"),
        {
            "sku": "node",
            "meter": "node",
            "unit": "node-hour",
            "price": "0.000001",
            "service": "HPC",
        },
        LICENCE,
    ]
    return [first, then]


def commercial(shape):
    first = {"name": "commercial", "version": 1, "currency": "EUR", "combine": "max"}
    first |= {"valid_from": "2020-01-01", "valid_until": moment(shape.turn)}
    first |= {"granularity": 60, "minimum": 300, "free": ["node_fail", "launch_failed"]}
    first["prices"] = [
        core("core", 0.08),
        memory(0.03),
        card("card-h100", "gres/gpu:h100", 3.9),
        card("card", "gres/gpu", 2.1),
        {"sku": "unit", "meter": "billing", "unit": "billing-hour", "price": 0.001}
        | {"service": "Platform"},
        LICENCE,
    ]
    then = dict(first, version=2, valid_from=moment(shape.turn), granularity=1, minimum=0)
    del then["valid_until"]
    then["prices"] = [core("core", 0.083), memory(0.031), *first["prices"][2:]]
    return [first, then]


def prices(shape):
    document = {"price_books": academic(shape) + commercial(shape), "customers": CUSTOMERS}
    return json.dumps(document, indent=1)
