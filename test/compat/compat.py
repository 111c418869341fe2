#!/usr/bin/env python3
"""The recorded cases (README.md) against a cluster of its own that looks like the reference's.

Arguments are passed on to compat_cases, for example --gtest_filter='squeue*'.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))
from harness import BUILD, Cluster  # noqa: E402

# Not what `sluice up` writes: no default of memory, so that a job which names none has the node's.
CONFIG = """\
cluster_name: sluice
control_host: 127.0.0.1
listen_address: 127.0.0.1
return_to_service: 2
max_array_size: 100001
nodes:
  - node_name: n[1-16]
    node_addr: 127.0.0.1
    cpus: 4
    sockets: 4
    cores_per_socket: 1
    real_memory: 4096
partitions:
  - partition_name: batch
    nodes: ALL
    default: yes
"""


def main():
    with Cluster(config=CONFIG) as cluster:
        done = subprocess.run(
            [BUILD / "test" / "compat_cases", "--gtest_brief=1", *sys.argv[1:]],
            env=cluster.environment,
            cwd=cluster.work,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
