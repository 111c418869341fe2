"""Random commands of sacctmgr by seed, some of them wrong, and what to look at afterwards."""
from generate import Dice

ACCOUNTS = ("phys", "chem", "bio", "astro", "sub1", "sub2")
PEOPLE = ("daemon", "bin", "games", "mail", "news")
QUALITIES = ("low", "high", "fast")

LOOKS = (
    "-P list account",
    "-P list user",
    "-P list assoc",
    "-P list qos",
    "-P list assoc tree format=account,user,share,qos,defaultqos",
    "-P list user withassoc format=user,account,share,maxjobs,qos,defaultqos",
    "-P list account withcoord",
    "-P list user withcoord",
    "list assoc format=account,user,share,grptres%40,maxtres%30,maxwall",
    "list qos format=name,priority,maxwall,maxtrespu%20,grptres%30,flags%40",
    "-P list assoc where account=phys,sub1 format=account,user",
    "-P list assoc where user=daemon format=account,user,qos",
    "-P list assoc wopinfo format=account,user,maxjobs,maxtres,qos",
    "list assoc",
    "list assoc tree",
    "list qos",
    "list user",
    "list account",
    "list account withassoc",
    "list tres",
    "-p show assoc where account=chem",
    "-n show qos format=name,preempt,preemptmode,gracetime,usagefactor,maxtrespa,maxjobspu",
    "show assoc format=account%-10,user%5,qos%30,defaultqos,parentname",
)


def commands(seed):
    """Lines for sacctmgr -i."""
    dice = Dice("tree", seed)
    lines = [f"add qos {dice.one(*QUALITIES)} priority={dice.number(1, 50)}" for _ in range(2)]
    lines += [f"add account {name} {parent(dice)}{limits(dice)}" for name in ACCOUNTS[:3]]
    for _ in range(dice.number(10, 22)):
        lines.append(dice.one(*MAKERS)(dice).strip())
    return lines


def parent(dice):
    return f"parent={dice.one('root', *ACCOUNTS)} " if dice.chance(40) else ""


def limits(dice):
    """Limits of an association, each of them now and then."""
    each = (
        (60, f"fairshare={dice.one('parent', 1, 2, 5, 10, 0)}"),
        (25, f"GrpTRES=cpu={dice.number(-1, 20)}"),
        (15, f"GrpTRES=node={dice.number(1, 4)},mem={dice.number(1, 9)}G"),
        (15, f"MaxJobs={dice.number(-1, 9)}"),
        (10, f"MaxSubmitJobs={dice.number(1, 9)}"),
        (10, f"GrpJobs={dice.number(1, 9)}"),
        (10, f"GrpSubmitJobs={dice.number(1, 9)}"),
        (10, f"MaxWall={dice.one('60', '1:00:00', '1-00', '-1')}"),
        (10, f"GrpWall={dice.one('600', '2-00:00:00')}"),
        (10, f"MaxTRESPerJob=cpu={dice.number(1, 9)}"),
        (8, f"MaxTRESPerNode=cpu={dice.number(1, 9)}"),
        (8, f"GrpTRESMins=cpu={dice.number(1, 900)}"),
        (8, f"GrpTRESRunMins=cpu={dice.number(1, 900)}"),
        (8, f"MaxTRESMinsPerJob=cpu={dice.number(1, 900)}"),
        (8, f"Priority={dice.number(1, 900)}"),
        (3, "MaxJobs=many"),
        (3, "fairshare=lots"),
        (3, "GrpTRES=apples=3"),
        (3, "colour=blue"),
    )
    return " ".join(text for percent, text in each if dice.chance(percent))


def add_account(dice):
    return f"add account {dice.one(*ACCOUNTS)} {parent(dice)}{limits(dice)}"


def add_user(dice):
    account = dice.one(*ACCOUNTS)
    more = f" partition={dice.one('batch', 'high')}" if dice.chance(10) else ""
    more += f" defaultqos={dice.one(*QUALITIES, 'normal')}" if dice.chance(8) else ""
    more += f" adminlevel={dice.one('none', 'operator')}" if dice.chance(8) else ""
    return f"add user {dice.one(*PEOPLE)} account={account}{more} {limits(dice)}"


def modify_account(dice):
    change = limits(dice) or "fairshare=7"
    if dice.chance(20):
        change = f"parent={dice.one('root', *ACCOUNTS)}"
    if dice.chance(25):
        change = f"qos{dice.one('', '+', '-')}={dice.one(*QUALITIES, 'normal')}"
    if dice.chance(8):
        change = f"description=text{dice.number(1, 9)} organization=org"
    return f"modify account {dice.one(*ACCOUNTS)} set {change}"


def modify_user(dice):
    where = f" account={dice.one(*ACCOUNTS)}" if dice.chance(50) else ""
    change = limits(dice) or "fairshare=3"
    if dice.chance(20):
        change = f"qos{dice.one('', '+', '-')}={dice.one(*QUALITIES, 'normal')}"
    if dice.chance(15):
        change = f"defaultaccount={dice.one(*ACCOUNTS)}"
    if dice.chance(10):
        change = f"defaultqos={dice.one(*QUALITIES)}"
    return f"modify user where name={dice.one(*PEOPLE)}{where} set {change}"


def delete_something(dice):
    return dice.one(
        f"delete user {dice.one(*PEOPLE)}",
        f"delete user {dice.one(*PEOPLE)} account={dice.one(*ACCOUNTS)}",
        f"delete account {dice.one(*ACCOUNTS)}",
        f"delete qos {dice.one(*QUALITIES)}",
    )


def quality(dice):
    name = dice.one(*QUALITIES)
    each = (
        f"priority={dice.number(0, 99)}",
        f"MaxTRESPerUser=cpu={dice.number(1, 9)}",
        f"MaxJobsPerUser={dice.number(1, 9)}",
        f"MaxWall={dice.one('60', '2:00:00')}",
        f"GrpTRES=cpu={dice.number(1, 9)},node=2",
        f"flags={dice.one('DenyOnLimit', 'NoReserve,DenyOnLimit', 'OverPartQOS')}",
        f"preempt={dice.one(*QUALITIES)}",
        f"preemptmode={dice.one('requeue', 'cancel', 'cluster')}",
        f"UsageFactor={dice.one('0.5', '2', '0')}",
        f"GraceTime={dice.one('60', '120')}",
        f"MaxSubmitJobsPerUser={dice.number(1, 9)}",
        f"MinTRESPerJob=cpu={dice.number(1, 3)}",
        f"MaxTRESPerAccount=cpu={dice.number(1, 9)}",
        "weather=fine",
    )
    changes = " ".join(text for text in each if dice.chance(18)) or each[0]
    if dice.chance(30):
        return f"add qos {name} {changes}"
    return f"modify qos {name} set {changes}"


def coordinator(dice):
    act = dice.one("add", "add", "delete")
    return f"{act} coordinator account={dice.one(*ACCOUNTS)} names={dice.one(*PEOPLE)}"


MAKERS = (
    add_account,
    add_user,
    add_user,
    add_user,
    modify_account,
    modify_account,
    modify_user,
    delete_something,
    quality,
    coordinator,
)
