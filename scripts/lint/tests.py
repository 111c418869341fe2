"""Tests that prove nothing: sleeping, skipped, switched off, without an assertion."""

import re

import common

SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|sleep)\s*\(")
OFF = re.compile(r"\bGTEST_SKIP\b|\bDISABLED_\w+|\bGTEST_SUCCEED\b|\bSUCCEED\s*\(")
EMPTY = re.compile(r"\b(?:EXPECT|ASSERT)_(?:TRUE\s*\(\s*true|FALSE\s*\(\s*false)\s*\)")
RULES = (
    (SLEEP, "sleep", "a test waits for an event, not for a time"),
    (OFF, "test-off", "a test that does not run"),
    (EMPTY, "test-empty", "asserts what is always so"),
)
TEST = re.compile(r"(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\s*\(")
# A call to a helper that is named as what it does counts: expect_ended(...), check_invariants().
ASSERTION = re.compile(
    r"\b(?:EXPECT_|ASSERT_|RC_ASSERT|ADD_FAILURE|FAIL\b|rc::check|EXPECT_CALL"
    r"|(?:\w+_)?(?:expect|assert|check|verify)(?:_\w+)?\s*[(<])"
)


def scan():
    for path in common.files():
        if path.startswith("test/") and path.endswith((".cpp", ".hpp", ".py")):
            body = common.code(path) if not path.endswith(".py") else common.text(path)
            for pattern, rule, said in RULES:
                for match in pattern.finditer(body):
                    yield rule, path, common.line_of(body, match.start()), said
    for path in common.cpp_files():
        if path.startswith("test/"):
            for head, first, _, body in common.functions(path):
                if TEST.match(head) and not ASSERTION.search(body):
                    yield "test-empty", path, first, "a test without an assertion"
