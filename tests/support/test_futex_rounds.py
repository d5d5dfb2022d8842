#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten million times a token goes to and fro between two vCPUs by futex: a wake-up that is lost leaves both asleep.

usage: test_futex_rounds.py --build BUILD [--rounds N] [--limit-s N]
On KVM where there is one, else under QEMU, which takes an hour or two.
"""
import argparse
import sys
from dataclasses import replace
from pathlib import Path

from kvm import why_no_kvm
from tally import Tally

GUEST_TESTS = Path(__file__).resolve().parent.parent / "guest"
sys.path.append(str(GUEST_TESTS))
from cases import read_cases  # noqa: E402
from environments import Kvm  # noqa: E402
from foreign_vmm import SLOWDOWN, ForeignVmm  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=10_000_000)
    parser.add_argument("--limit-s", type=float, default=4 * 3600)
    options = parser.parse_args()
    build = options.build.resolve()
    case = next(case for case in read_cases(GUEST_TESTS / "list.toml") if case.name == "smp_locks_2")
    case = replace(case, args=[str(options.rounds)], timeout_s=options.limit_s / SLOWDOWN)
    environment = ForeignVmm(build) if why_no_kvm() else Kvm(build)
    result = environment.run(case)
    text = result.stdout.decode(errors="replace")
    print(f"{options.rounds} rounds in {environment.name}: {result.seconds:.0f} s, status {result.status}", flush=True)
    is_good = result.status == 0 and "ok futex rounds" in text
    tally = Tally()
    tally.record("futex rounds", None if is_good else f"stopped behind {text.splitlines()[-1:]}")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
