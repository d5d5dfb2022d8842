#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each libFuzzer program of a build for a bounded time, two at once.

usage: run_fuzzers.py --build FOLDER [--seconds N]
"""
import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tally import Tally
from tracked import ROOT


def run(fuzzer: Path, seconds: int) -> str | None:
    """What the fuzzer found; None for nothing. Seeds: tests/fuzz/corpus/<name without _fuzz or fuzz_>."""
    part = fuzzer.name.removeprefix("fuzz_").removesuffix("_fuzz").removesuffix("_fuzzer")
    with tempfile.TemporaryDirectory(prefix="husk-fuzz-") as found:
        command = [str(fuzzer), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", found]
        command += [str(seeds) for seeds in [ROOT / "tests/fuzz/corpus" / part] if seeds.is_dir()]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                                cwd=fuzzer.parent, timeout=seconds + 120)
    if result.returncode == 0:
        return None
    print("\n".join(result.stderr.splitlines()[-40:]))
    return f"exit status {result.returncode}; again: {fuzzer}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    folder = options.build.resolve() / "tests/fuzz"
    fuzzers = sorted(path for path in folder.glob("*") if path.is_file() and os.access(path, os.X_OK))
    tally = Tally()
    if not fuzzers:
        tally.record("fuzzers", f"{folder} has none")
    with ThreadPoolExecutor(2) as pool:
        for fuzzer, wrong in zip(fuzzers, pool.map(lambda fuzzer: run(fuzzer, options.seconds), fuzzers)):
            tally.record(fuzzer.name, wrong)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
