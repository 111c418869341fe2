"""What the scanners share: which files there are, C++ text without comments and strings, the
functions of a file, and the list of exceptions. A scanner is a generator of findings
(rule, path, line, text); run.py prints those that no exception covers."""

import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCEPTIONS = ROOT / "scripts/lint/exceptions.txt"


@functools.cache
def files():
    """Tracked and new files, as paths from the root; the folder of this scanner apart."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(
        path
        for path in set(listed.split("\0"))
        if path and (ROOT / path).is_file() and not (ROOT / path).is_symlink()
    )


def cpp_files():
    return [path for path in files() if path.endswith((".cpp", ".hpp", ".c", ".h"))]


@functools.cache
def text(path):
    data = (ROOT / path).read_bytes()
    return "" if b"\0" in data[:4096] else data.decode("utf-8", "replace")


_NOISE = re.compile(
    r'R"(?P<tag>[^()\s\\]{0,16})\((?:.|\n)*?\)(?P=tag)"'  # raw strings
    r"|//[^\n]*|/\*(?:.|\n)*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
)


@functools.cache
def code(path):
    """The text with comments and the insides of literals blanked; positions and lines stay."""

    def blank(match):
        found = match.group()
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]

    return _NOISE.sub(blank, text(path))


def line_of(body, position):
    return body.count("\n", 0, position) + 1


_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
_TYPE_BEFORE_PARENS = re.compile(r"^[^(]*\b(namespace|class|struct|union|enum)\b[^(=]*$")


def functions(path):
    """(head, first line, last line, body) of every function at namespace or class scope. The
    formatter guarantees what this relies on: a blank before the brace of a body."""
    body = re.sub(
        r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*",
        lambda m: re.sub(r"[^\n]", " ", m.group()),
        code(path),
        flags=re.M,
    )
    stack, start = [], 0  # stack: (is a function, position of its head, is a scope)
    for match in re.finditer(r"[{};]", body):
        at, mark = match.start(), match.group()
        inside = any(entry[0] for entry in stack)
        if mark == "{":
            head = body[start:at]
            kind = "inner" if inside else _kind(head, body, at)
            first = start + len(head) - len(head.lstrip())
            stack.append((kind == "function", first, at, kind))
            if kind == "init":
                continue  # the head goes on behind the initialiser
        elif mark == "}":
            if not stack:
                return
            is_function, first, open_at, kind = stack.pop()
            if is_function:
                yield (
                    body[first:open_at].strip(),
                    line_of(body, first),
                    line_of(body, at),
                    body[open_at:at],
                )
            if kind == "init":
                continue
        elif stack and stack[-1][3] == "init":
            continue
        if not any(entry[0] for entry in stack):
            start = at + 1


def _kind(head, body, at):
    head = re.sub(r"^\s*(public|private|protected):", "", head).strip()
    plain = re.sub(r"\btemplate\s*<[^{}]*?>\s*(?=\b(class|struct|union|enum)\b)", "", head)
    if _TYPE_BEFORE_PARENS.match(plain) or head.startswith("extern"):
        return "scope"
    if not body[at - 1].isspace() or re.search(r"(?<![=!<>+*/|&^%-])=\s*$", head):
        return "init"
    return "function" if "(" in head else "scope"


def exceptions():
    """{(rule, subject): reason}; a line is `rule subject reason...`."""
    found = {}
    for line in EXCEPTIONS.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rule, subject, reason = line.split(None, 2)
            found[rule, subject] = reason
    return found
