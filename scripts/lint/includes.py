"""Who may include whom, and which third party is let in where (ARCHITECTURE.md tells why)."""

import re

import common

# Folder: the folders it may include besides itself. A folder inside one of these may do the same.
LAYERS = {
    "lib/base": [],
    "lib/model": ["lib/base"],
    "lib/ledger": ["lib/base", "lib/model"],
    "lib/core": ["lib/base", "lib/model", "lib/ledger"],
    "lib/auth": ["lib/base", "lib/model"],
    "lib/event": ["lib/base", "lib/model", "lib/ledger"],
    "lib/wire": ["lib/base", "lib/model", "lib/ledger", "lib/event"],
    "lib/net": ["lib/base", "lib/model", "lib/auth"],
    "lib/config": ["lib/base", "lib/model", "lib/ledger", "lib/event"],
    "lib/rollup": ["lib/base", "lib/model", "lib/ledger"],
    "lib/store": ["lib/base", "lib/model", "lib/rollup", "lib/ledger", "lib/event", "lib/wire"],
    "lib/report": ["lib/base", "lib/model", "lib/ledger", "lib/rollup"],
    "lib/opt": ["lib/base", "lib/model"],
    "lib/image": ["lib/base", "lib/model", "lib/wire"],
    "lib/accel": ["lib/base", "lib/model", "lib/config"],
    "daemon/controller": ["lib"],
    "daemon/relay": ["lib"],
    "daemon/worker": ["lib"],
    "daemon/stepd": ["lib", "daemon/worker/host"],
    "cli": ["lib"],
    "plugins": ["lib"],
    "test": ["lib", "daemon", "cli", "plugins"],
}

# What would make a pure state machine depend on something besides its arguments.
IMPURE = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|atomic|chrono|ctime|random|fstream"
    r"|iostream|filesystem|cstdlib|cstdio|time\.h|stdlib\.h|stdio\.h|unistd\.h|fcntl\.h|pthread\.h"
    r"|poll\.h|signal\.h|csignal|spawn\.h|pwd\.h|grp\.h|dlfcn\.h|netdb\.h"
    r"|(sys|linux|net|netinet|arpa)/.*|uv\.h|sqlite3\.h|google/.*|openssl/.*|yaml-cpp/.*"
    r"|spdlog/.*|hwloc.*|libcgroup.*|pmix.*)$"
)
PURE = ("lib/core", "lib/ledger", "lib/model", "lib/rollup")
# The services get clock, timers, messages, store and processes through an interface.
SERVICE_IMPURE = re.compile(
    r"^(thread|mutex|condition_variable|future|random|fstream|iostream|filesystem|unistd\.h"
    r"|pthread\.h|poll\.h|sys/(socket|wait|mount|epoll)\.h|uv\.h|sqlite3\.h|openssl/.*|hwloc.*"
    r"|libcgroup.*)$"
)

# Third party: where it may be included. In .cpp files only, apart from IN_HEADERS.
THIRD_PARTY = {
    r"uv\.h": ["lib/net", "daemon"],
    r"sqlite3\.h": ["lib/store", "test"],
    r"google/protobuf/": ["lib/wire", "test"],
    r"yaml-cpp/": ["lib/config", "lib/accel", "test"],
    r"archive": ["lib/image", "test"],
    r"openssl/": ["lib/auth", "lib/image", "lib/net", "lib/store", "daemon/relay", "test"],
    r"curl/": ["daemon/relay"],
    r"(amqp|rabbitmq-c/)": ["daemon/relay"],
    r"hwloc": ["daemon/worker", "daemon/stepd"],
    r"libcgroup": ["daemon/worker", "daemon/stepd"],
    r"pmi": ["plugins/mpi", "test", "scripts"],
    r"mpi\.h": ["plugins/mpi", "test", "scripts"],
    r"(lua|lauxlib|lualib)": ["plugins/submit"],
    r"spdlog/": ["lib/base", "daemon", "cmake"],
    r"CLI/": ["cli", "daemon"],
    r"nlohmann/": ["lib", "cli", "daemon", "test"],
    r"(gtest|gmock|rapidcheck)": ["test"],
    r"fmt/": [""],
    r"tl/expected\.hpp": [""],
}
IN_HEADERS = re.compile(r"^(fmt/core\.h|tl/expected\.hpp)$")
SYSTEM = re.compile(r"^([a-z0-9_]+|[a-z0-9_]+\.h|(sys|linux|net|netinet|arpa|asm|bits)/[\w./]+)$")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def within(path, folder):
    return folder == "" or path == folder or path.startswith(folder + "/")


def scan():
    for path in common.cpp_files():
        for match in INCLUDE.finditer(common.text(path)):
            line = common.line_of(common.text(path), match.start())
            problem = judge(path, match.group(1), match.group(2))
            if problem:
                yield "include", path, line, problem


def judge(path, quote, name):
    return ours(path, name) if quote == '"' else foreign(path, name)


def ours(path, name):
    home = next((layer for layer in LAYERS if within(path, layer)), None)
    if home is None:
        return None
    target = name if name.startswith(("daemon/", "cli/", "plugins/", "test/")) else "lib/" + name
    if not (common.ROOT / target).exists():
        return f'"{name}" is not there, seen from lib/ or the root'
    if re.match(r"plugins/\w+/\w+_plugin\.h", target) and within(home, "daemon"):
        return None  # the interface that plugins of a kind implement
    if not any(within(target, folder) for folder in [home, *LAYERS[home]]):
        return f"{home} may not include {target}"
    if within(path, "lib") and home in PURE and "Not for core" in common.text(target):
        return f"{home} may not include {target}, which says that it is not for core"
    service = re.match(r"daemon/\w+/service/", path)
    if service and not target.startswith(service.group()) and not may_serve(target):
        return f"a service may not include {target}"
    return None


def may_serve(target):
    """What does I/O is not for a service; of its daemon's other headers those that say `Pure`."""
    if within(target, "daemon"):
        return re.search(r"^// Pure\b", common.text(target), re.M)
    return not within(target, "lib/net") or target == "lib/net/client/frame.hpp"  # pure framing


def foreign(path, name):
    if any(within(path, layer) for layer in PURE) and IMPURE.match(name):
        return f"<{name}> in a folder that is pure"
    if re.match(r"daemon/\w+/service/", path) and SERVICE_IMPURE.match(name):
        return f"<{name}> in a service, which has no I/O of its own"
    for pattern, folders in THIRD_PARTY.items():
        if not re.match(pattern, name):
            continue
        if not any(within(path, folder) for folder in folders):
            return f"<{name}> may be included only in {', '.join(folders)}"
        if path.endswith(".hpp") and not path.startswith("test/") and not IN_HEADERS.match(name):
            return f"<{name}> in a header; third parties stay in .cpp files"
        return None
    return None if SYSTEM.match(name) else f"<{name}>: unknown; add it to scripts/lint/includes.py"
