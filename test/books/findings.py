"""What was looked at, and what is wrong: numbers for a table, lines for people."""
import collections


class Findings:
    MOST = 12  # lines of one kind that are printed

    def __init__(self):
        self.looked = collections.Counter()
        self.wrong = collections.defaultdict(list)

    def check(self, good, what, line=""):
        """Counts a comparison of the kind `what`; `line` may be a function, for what is dear."""
        self.looked[what] += 1
        if not good:
            self.wrong[what].append(line() if callable(line) else line)
        return good

    def equal(self, got, expected, what, subject=""):
        return self.check(got == expected, what, lambda: f"{subject}: {got}, expected {expected}")

    def text(self):
        lines = []
        for what, count in self.looked.items():
            bad = self.wrong.get(what, [])
            lines.append(f"  {what:<58} {count:>9}" + (f"  {len(bad)} WRONG" if bad else ""))
            lines += [f"      {line}" for line in bad[: self.MOST]]
        return "\n".join(lines)

    @property
    def sound(self):
        return not self.wrong
