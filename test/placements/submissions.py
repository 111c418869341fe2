"""A log of submissions, each with sbatch's options, and what they ask for, as the manual page of
sbatch says. An option that isn't known here is an error, so that nothing goes unchecked.
"""
import dataclasses
import re
import shlex

from accounts_of import minutes
from slurm_files import Malformed, gpu_types, hosts, parts_of

# letter or name -> name; those behind "flag" take no argument.
VALUED = """N:nodes n:ntasks c:cpus-per-task t:time p:partition q:qos A:account J:job-name
    C:constraint d:dependency a:array w:nodelist x:exclude L:licenses b:begin ntasks-per-node
    mincpus mem mem-per-cpu mem-per-gpu gres gpus gpus-per-node gpus-per-task cpus-per-gpu
    switches time-min G:gpus nice uid sim-walltime"""
FLAGS = "exclusive contiguous s:oversubscribe requeue no-requeue O:overcommit spread-job H:hold"
UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}


def options_of(text):
    table = {}
    for word in text.split():
        letter, colon, name = word.partition(":")
        if colon:
            table["-" + letter] = name
        table["--" + (name or letter)] = name or letter
    return table


VALUES, FLAG = options_of(VALUED), options_of(FLAGS)
VALUES["-sim-walltime"] = "sim-walltime"


def mebibytes(text):
    unit = UNITS.get(text[-1:].upper())
    return -int(-float(text[:-1]) * unit // 1) if unit else int(text)


def words_of(line):
    """({option: value}, seconds from the beginning)"""
    before, _, after = line.partition("|")
    head = before.split()
    if head[:1] != ["-dt"] or head[2:] != ["-e", "submit_batch_job"]:
        raise Malformed(f"no submission: {line}")
    words, found = shlex.split(after), {}
    while words and words[0].startswith("-"):
        word, equals, value = words.pop(0).partition("=")
        if word not in VALUES and word not in FLAG and not word.startswith("--"):
            word, value, equals = word[:2], word[2:], "="
        if word in VALUES:
            found[VALUES[word]] = value if equals else words.pop(0)
        elif word in FLAG:
            found[FLAG[word]] = value
        else:
            raise Malformed(f"{word} is not known here: {line}")
    return found, head[1]


@dataclasses.dataclass
class Gpus:
    """Asked for by node, by task or for the job; {type: count}."""

    by_node: dict = dataclasses.field(default_factory=dict)
    by_task: dict = dataclasses.field(default_factory=dict)
    of_job: dict = dataclasses.field(default_factory=dict)


def counted(text):
    made = {}
    for part in parts_of(text):
        words = part.split(":")
        kind = words[0] if len(words) == 2 or not words[0].isdigit() else ""
        made[kind] = made.get(kind, 0) + (int(words[-1]) if words[-1].isdigit() else 1)
    return made


class Submission:
    def __init__(self, number, line):
        found, at = words_of(line)
        self.number, self.options = number, found
        self.at_ms = round(float(at) * 1000)
        self.user = found["uid"]
        run = float(found["sim-walltime"])
        self.run_ms = None if run < 0 else round(run * 1000)
        self.name = found.get("job-name", "")
        least, _, most = found.get("nodes", "").partition("-")
        self.min_nodes = int(least or 1)
        self.max_nodes = int(most or least) if least else None
        self.cpus_per_task = int(found.get("cpus-per-task", 1))
        self.limit = minutes(found["time"]) if "time" in found else None
        self.limit_min = minutes(found["time-min"]) if "time-min" in found else None
        self.partitions = parts_of(found.get("partition", ""))
        self.features = found.get("constraint", "")
        self.nodelist, self.excluded = (
            set(hosts(found.get(name, ""))) for name in ("nodelist", "exclude")
        )
        self.licenses = counted(found.get("licenses", ""))
        self.exclusive = (
            {"": "all"}.get(found["exclusive"], found["exclusive"])
            if ("exclusive" in found)
            else ""
        )
        self.contiguous = "contiguous" in found
        self.gpus = self.read_gpus(found)
        self.tasks = self.read_tasks(found)

    @staticmethod
    def read_gpus(found):
        made = Gpus(of_job=counted(found.get("gpus", "")))
        made.by_task = counted(found.get("gpus-per-task", ""))
        made.by_node = counted(found.get("gpus-per-node", ""))
        for kind in gpu_types(found.get("gres", "")):
            made.by_node[kind] = made.by_node.get(kind, 0) + 1
        return made

    def number_of(self, option):
        return int(self.options[option]) if option in self.options else None

    def read_tasks(self, found):
        """None: one for each node."""
        return int(found["ntasks"]) if "ntasks" in found else None

    def array(self):
        """({task}, how many at once), or (None, None)"""
        if "array" not in self.options:
            return None, None
        text, _, most = self.options["array"].partition("%")
        tasks = set()
        for part in text.split(","):
            first, last, step = re.match(r"(\d+)(?:-(\d+))?(?::(\d+))?$", part).groups()
            tasks |= set(range(int(first), int(last or first) + 1, int(step or 1)))
        return tasks, int(most) if most else None

    def begin_ms(self):
        """The earliest start."""
        text = self.options.get("begin", "now")
        found = re.match(r"now(?:\+(\d+)(second|minute|hour|day)?s?)?$", text)
        if not found:
            raise Malformed(f"--begin={text} is not known here")
        count, unit = found.groups()
        each = {"minute": 60, "hour": 3600, "day": 86400}.get(unit, 1)
        # Dates are whole seconds.
        return self.at_ms if not count else self.at_ms // 1000 * 1000 + int(count) * each * 1000

    def switches(self):
        """(most leaf switches, seconds to insist on it), or (None, None)"""
        if "switches" not in self.options:
            return None, None
        count, _, wait = self.options["switches"].partition("@")
        return int(count), minutes(wait) * 60 if wait else None


def read_log(text):
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    return [Submission(number, line) for number, line in enumerate(lines, 1)]
