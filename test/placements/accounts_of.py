"""Accounts, users and QOS from commands for sacctmgr, and the limits in force for a job, by the
order of precedence that the documentation of resource limits gives: partition's QOS, job's QOS,
user, account, the accounts above.
"""
import shlex

from slurm_files import Malformed, parts_of

# Limits by what they are of; those of TRES are lists "cpu=4,gres/gpu=1". Other spellings below.
COUNTS = {"grpjobs", "grpsubmitjobs", "maxjobs", "maxsubmitjobs", "maxjobsperuser"}
COUNTS |= {"maxsubmitjobsperuser", "maxjobsperaccount", "maxsubmitjobsperaccount", "maxwall"}
TRES = {"grptres", "maxtres", "maxtrespernode", "maxtresperuser", "maxtresperaccount", "mintres"}
PLAIN = {"fairshare", "priority", "description", "organization", "adminlevel", "flags"}
PLAIN |= {"defaultqos", "coordinators"}
SAME = {
    "names": "name",
    "accounts": "account",
    "users": "user",
    "qoslevel": "qos",
    "parents": "parent",
    "grpsubmit": "grpsubmitjobs",
    "maxsubmit": "maxsubmitjobs",
    "maxtresperjob": "maxtres",
    "maxtrespj": "maxtres",
    "maxtrespu": "maxtresperuser",
    "maxtrespa": "maxtresperaccount",
    "mintresperjob": "mintres",
    "maxjobspu": "maxjobsperuser",
    "maxsubmitpu": "maxsubmitjobsperuser",
    "maxwalldurationperjob": "maxwall",
}


def minutes(text):
    """Slurm's spellings: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S; parts of a minute count whole."""
    if text.upper() in ("UNLIMITED", "INFINITE", "-1"):
        return None
    days, dash, rest = text.rpartition("-")
    words = [int(word) for word in rest.split(":")]
    if dash:
        words += [0] * (3 - len(words))
    elif len(words) == 1:
        words = [0, *words, 0]
    elif len(words) == 2:
        words = [0, *words]
    seconds = (int(days or 0) * 24 + words[0]) * 3600 + words[1] * 60 + words[2]
    return -(-seconds // 60)


def limit_value(key, text):
    if key == "maxwall":
        return minutes(text)
    if key in COUNTS:
        return None if int(text) < 0 else int(text)
    made = {}
    for part in parts_of(text.lower()):
        kind, _, count = part.partition("=")
        unit = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2}.get(count[-1])
        made[kind] = int(float(count[:-1]) * unit) if unit else int(count)
    return made


class Accounts:
    def __init__(self, text):
        self.parent = {}  # of accounts
        self.limits = {}  # of ("account", a), ("user", a, u), ("qos", q)
        self.qos = {}  # allowed, by the same; None: as the parent
        self.home = {}  # the default account of users
        for number, line in enumerate(text.split("\n"), 1):
            words = shlex.split(line, comments=True)
            if words:
                try:
                    self.take(words)
                except (KeyError, ValueError) as wrong:
                    raise Malformed(f"line {number} of the accounts: {line}: {wrong}") from wrong
        self.limits.setdefault(("qos", "normal"), {})

    def take(self, words):
        verb, what, *rest = [words[0].lower(), words[1].lower(), *words[2:]]
        if verb in ("list", "show"):
            return
        if verb in ("add", "create"):
            pairs = self.pairs(rest)
            getattr(self, f"add_{what}")(pairs)
            return
        if verb in ("remove", "delete") and what == "qos":
            for name in parts_of(self.pairs(rest)["name"].lower()):
                self.limits.pop(("qos", name), None)
            return
        if verb != "modify":
            raise ValueError("not known here")
        place = [word.lower() for word in rest].index("set")
        self.modify(what, self.pairs(rest[:place]), self.pairs(rest[place + 1 :]))

    @staticmethod
    def pairs(words):
        made = {}
        for word in words:
            if word.lower() in ("where", "set"):
                continue
            key, equals, value = word.partition("=")
            key, value = (key.lower(), value) if equals else ("name", word)
            key = SAME.get(key, key)
            if key not in COUNTS | TRES | PLAIN | {"name", "account", "user", "qos", "parent"} | {
                "defaultaccount",
                "cluster",
            }:
                raise ValueError(f"{key} is not known here")
            made[key] = value
        return made

    def put(self, key, pairs):
        limits = self.limits.setdefault(key, {})
        for name in (COUNTS | TRES) & set(pairs):
            limits[name] = limit_value(name, pairs[name])
        if "qos" in pairs:
            if pairs["qos"][:1] in "+-":
                raise ValueError("added and removed QOS are not known here")
            self.qos[key] = set(parts_of(pairs["qos"].lower()))

    def add_cluster(self, pairs):
        self.parent["root"] = None
        self.put(("account", "root"), pairs)

    def add_qos(self, pairs):
        for name in parts_of(pairs["name"].lower()):
            self.put(("qos", name), pairs)

    def add_account(self, pairs):
        for name in parts_of(pairs["name"].lower()):
            self.parent[name] = pairs.get("parent", "root").lower()
            self.put(("account", name), pairs)

    def add_user(self, pairs):
        for user in parts_of(pairs["name"]):
            home = pairs.get("defaultaccount", pairs.get("account", "")).lower()
            for account in {home, *parts_of(pairs.get("account", "").lower())}:
                self.put(("user", account, user), pairs)
            self.home.setdefault(user, home)

    def modify(self, what, where, pairs):
        for name in parts_of(where["name"]):
            if what == "user":
                accounts = parts_of(where.get("account", "").lower())
                for key in list(self.limits):
                    if key[0] == "user" and key[2] == name and (not accounts or key[1] in accounts):
                        self.put(key, pairs)
            else:
                kind = {"cluster": "account"}.get(what, what)
                self.put((kind, "root" if what == "cluster" else name.lower()), pairs)

    def chain(self, account, user):
        """The association and those above it."""
        keys = [("user", account, user)]
        while account:
            keys.append(("account", account))
            account = self.parent.get(account)
        return [key for key in keys if key in self.limits]

    def is_member(self, account, user):
        return ("user", account, user) in self.limits

    def allowed_qos(self, account, user):
        for key in self.chain(account, user):
            if key in self.qos:
                return self.qos[key]
        return {"normal"}
