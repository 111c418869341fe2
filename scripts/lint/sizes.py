"""How long files, functions and lines may be (style: the tail matters, not the median)."""

import re

import common

FILE, HEADER, FUNCTION, COLUMNS = 600, 200, 70, 100
SCRIPTS = (".py", ".sh", ".cmake", "CMakeLists.txt")


def name_of(head):
    test = re.match(r"(?:TEST|TEST_F|TEST_P|TYPED_TEST)\s*\(\s*(\w+)\s*,\s*(\w+)", head)
    if test:
        return ".".join(test.groups())
    match = re.search(r"([\w:~]+|operator\s*\S+?)\s*\(", head)
    return match.group(1) if match else head[:30]


def scan():
    for path in common.cpp_files():
        lines = common.text(path).splitlines()
        limit = HEADER if path.endswith((".hpp", ".h")) else FILE
        if len(lines) > limit:
            yield "file-size", path, 1, f"{len(lines)} lines, at most {limit}"
        for head, first, last, _ in common.functions(path):
            if last - first + 1 > FUNCTION:
                name = name_of(head)
                yield (
                    "function-size",
                    f"{path}:{name}",
                    first,
                    f"{name} has {last - first + 1} lines, at most {FUNCTION}",
                )
    for path in common.files():
        if path in common.cpp_files() or path.endswith(SCRIPTS):
            for number, line in enumerate(common.text(path).splitlines(), 1):
                if len(line) > COLUMNS and "://" not in line:
                    yield "columns", path, number, f"{len(line)} columns, at most {COLUMNS}"
