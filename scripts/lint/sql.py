"""SQL only through prepared statements, its text only from literals: nothing is pasted into it."""

import re

import common

EXEC = re.compile(r"\bsqlite3_exec\s*\(\s*[^,]+,\s*([^,]*)")
LITERAL = re.compile(r'^\s*(R?"|k[A-Z]\w*)')
PASTED = re.compile(
    r'(?:fmt::format|format)\s*\(\s*(?:R"\w*\(|")\s*'
    r"(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|WITH|REPLACE)\b"
    r'|"\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b[^"]*"\s*\+'
)


def scan():
    for path in common.cpp_files():
        body = common.text(path)
        for match in EXEC.finditer(body):
            if not LITERAL.match(match.group(1)):
                yield (
                    "sql",
                    path,
                    common.line_of(body, match.start()),
                    "sqlite3_exec of a text that is no literal; prepare and bind",
                )
        for match in PASTED.finditer(body):
            yield "sql", path, common.line_of(body, match.start()), "SQL put together from pieces"
