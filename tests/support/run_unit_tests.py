#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test that CTest knows in some build folders, two at once; counts doctest's cases one by one.

usage: run_unit_tests.py --build FOLDER...
"""
import argparse
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tally import Tally

SUMMARY = re.compile(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
TIME_LIMIT_S = 900
SLOW_S = 10  # tests that take longer are named, so that the stage's time has its reasons


def run(test: dict) -> tuple[subprocess.CompletedProcess | None, str]:
    """How one test ended, or why it did not."""
    properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
    begin = time.monotonic()
    try:
        return subprocess.run(test["command"], cwd=properties.get("WORKING_DIRECTORY"), capture_output=True, text=True,
                              errors="replace", timeout=TIME_LIMIT_S, check=False, stdin=subprocess.DEVNULL), ""
    except (subprocess.TimeoutExpired, OSError) as error:
        return None, str(error)
    finally:
        if time.monotonic() - begin > SLOW_S:
            print(f"   {test['name']}: {time.monotonic() - begin:.0f} s")


def count(test: dict, result: subprocess.CompletedProcess, tally: Tally) -> None:
    properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
    summary = SUMMARY.search(plain)
    if result.returncode == properties.get("SKIP_RETURN_CODE"):
        tally.skip(test["name"], plain.strip().splitlines()[-1] if plain.strip() else "skipped")
    elif result.returncode == 0:
        tally.passed += int(summary.group(1)) if summary else 1
    else:
        tally.passed += int(summary.group(1)) if summary else 0
        print("\n".join((plain + result.stderr).splitlines()[-60:]))
        cases = f"{summary.group(2)} cases fail" if summary else f"exit status {result.returncode}"
        tally.record(test["name"], f"{cases}; again: {' '.join(test['command'])}")


def run_all(build: Path, tally: Tally) -> None:
    listing = json.loads(subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True, capture_output=True,
                                        text=True).stdout)
    tests = [test for test in listing["tests"] if "command" in test]
    for test in listing["tests"]:
        if "command" not in test:
            tally.record(test["name"], "was not built")
    with ThreadPoolExecutor(2) as pool:
        for test, (result, why_not) in zip(tests, pool.map(run, tests)):
            if result:
                count(test, result, tally)
            else:
                tally.record(test["name"], why_not)
    if not listing["tests"]:
        tally.record("unit tests", f"{build} has none")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, nargs="+")
    tally = Tally()
    for build in parser.parse_args().build:
        run_all(build, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
