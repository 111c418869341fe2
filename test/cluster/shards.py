#!/usr/bin/env python3
"""GPUs that are lent in shards, on real daemons: several jobs share one card and open only that
one, and no card is lent and given out whole at once.
"""
import devices
from devices import OPEN, SHUT, Host, seen
from harness import check, main, wait_for

# Four cards, two shards each.
devices.CONFIG = devices.CONFIG.replace(
    "    accelerator_root", "    gres: gpu:4,shard:8\n    accelerator_root"
)


class Looker:
    """A job that looks around and stays until it is let go."""

    def __init__(self, host, *options):
        self.host = host
        out = host.folder / "out"
        out.mkdir(exist_ok=True)
        wrap = f"{host.look} > {out}/$SLURM_JOB_ID; env >> {out}/$SLURM_JOB_ID; sleep 300"
        self.job = host.cluster.submit("-n1", *options, wrap=wrap)
        self.file = out / str(self.job)

    def wait(self):
        wait_for(
            lambda: self.file.exists() and "SLURMD_NODENAME" in self.file.read_text(),
            30,
            f"job {self.job} looks around",
        )
        files, _ = seen(self.file.read_text())
        self.environment = dict(
            line.split("=", 1) for line in self.file.read_text().splitlines() if "=" in line
        )
        cards = [f"nvidia{i}" for i in range(4)]
        check(all(files[c] in (OPEN, SHUT) for c in cards), f"cards: {files}")
        self.cards = [c for c in cards if files[c] == OPEN]
        return self

    def pending(self):
        def waits():
            out = self.host.cluster.must("squeue", "-h", "-j", self.job, "-o", "%T/%r").strip()
            return out in ("PENDING/Resources", "PENDING/Priority")

        wait_for(waits, 20, f"job {self.job} waits for resources")

    def end(self):
        self.host.cluster.must("scancel", self.job)
        self.host.cluster.wait_end(self.job)


def two_jobs_share_a_card():
    with Host("nvidia") as host:
        first = Looker(host, "--gres=shard:1").wait()
        second = Looker(host, "--gres=shard:1").wait()
        check(len(first.cards) == 1, f"one card is open: {first.cards}")
        check(first.cards == second.cards, f"the same: {first.cards} {second.cards}")
        for job in (first, second):
            check(job.environment.get("CUDA_VISIBLE_DEVICES") == "0", str(job.environment))
            check(job.environment.get("SLURM_SHARDS_ON_NODE") == "1", str(job.environment))
        third = Looker(host, "--gres=shard:2").wait()
        check(len(third.cards) == 1 and third.cards != first.cards, f"another: {third.cards}")
        check(third.environment.get("SLURM_SHARDS_ON_NODE") == "2", str(third.environment))
        shown = host.cluster.must("scontrol", "show", "node", "n1")
        check("gres/shard=4" in shown, f"four are in use: {shown}")


def lent_cards_are_not_given_out_whole():
    with Host("nvidia") as host:
        lent = Looker(host, "--gres=shard:1").wait()
        rest = Looker(host, "--gres=gpu:3").wait()
        check(
            len(rest.cards) == 3 and lent.cards[0] not in rest.cards, f"{lent.cards} {rest.cards}"
        )
        whole = Looker(host, "--gres=gpu:1")
        whole.pending()
        # Shorter than what the whole card is planned behind: nobody is delayed.
        beside = Looker(host, "--gres=shard:1", "-t30").wait()
        check(beside.cards == lent.cards, "what is left of the lent card can be had")
        more = Looker(host, "--gres=shard:1", "-t5")
        more.pending()
        lent.end()
        more.wait()
        check(more.cards == beside.cards, "a shard that came back is lent again")
        more.end()
        beside.end()
        whole.wait()
        check(whole.cards == lent.cards, "the card is whole again")


def what_can_never_be_is_refused():
    with Host("nvidia") as host:
        for option, words in (
            ("--gres=shard:3", "asks for 3 shard on one node"),
            ("--gres=gpu:1,shard:1", "whole GPUs or shards, not both"),
            ("--gres=mps:50", "mps"),
            ("--gres=mps", "mps"),
        ):
            done = host.cluster.run("sbatch", "--mem=10M", option, "--wrap", "true")
            check(done.returncode == 1 and words in done.stderr, f"{option}: {done.stderr}")


if __name__ == "__main__":
    main(two_jobs_share_a_card, lent_cards_are_not_given_out_whole, what_can_never_be_is_refused)
