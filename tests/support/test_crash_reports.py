#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a VM dies: the report on stderr names signal, registers and calls; the core file opens in gdb with every thread.

usage: test_crash_reports.py --build FOLDER
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tally import Tally
from kvm import why_no_kvm

# (what the program is told, exit status, what stderr must hold in this order)
DEATHS = [
    (["abort"], 134, ["SIGABRT", r"\brip\b", "abort", r"die\(", "main"]),
    (["uncaught"], 134, ["terminate called", "nobody catches this", "SIGABRT", "__cxa_throw|terminate", r"die\(", "main"]),
    (["divide"], 136, ["SIGFPE", r"die\(", "main"]),
    (["null"], 139, ["SIGSEGV", "0x0*18", r"\brip\b", r"die\(", "main"]),
    (["call"], 139, ["SIGSEGV", "0x0*18", r"die\(", "main"]),
    (["constant"], 139, ["SIGSEGV", r"die\(", "main"]),
    (["illegal"], 132, ["SIGILL", r"die\(", "main"]),
    (["null", "thread"], 139, ["SIGSEGV", r"die\("]),
]


def in_order(patterns: list[str], text: str) -> str | None:
    """The first pattern that is missing behind the ones before it."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(text, at)
        if found is None:
            return pattern
        at = found.start()
    return None


def run(husk: Path, options: list[str], image: Path, args: list[str]) -> tuple[int | None, str]:
    command = [str(husk), "run", "--accel", "kvm", *options, str(image), "--", *args]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return None, ""
    return result.returncode, result.stderr.decode(errors="replace")


def check_report(husk: Path, image: Path, args: list[str], status: int, patterns: list[str]) -> str | None:
    got, text = run(husk, [], image, args)
    if got != status:
        return f"exit status {got}, should be {status}"
    missing = in_order(patterns, text)
    return None if missing is None else f"stderr lacks {missing!r} where it should be:\n{text}"


def gdb(image: Path, core: Path, command: str) -> str:
    result = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set print thread-events off", "-ex", command, str(image),
                             str(core)], capture_output=True, timeout=120, check=False)
    return result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace")


def check_core(husk: Path, image: Path, args: list[str], patterns: list[str], threads: int) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        core = Path(folder) / "core"
        run(husk, ["--core", str(core)], image, args)
        if not core.exists():
            return "no core file"
        text = gdb(image, core, "thread apply all bt")
    missing = in_order(patterns, text)
    if missing is not None:
        return f"gdb's backtrace lacks {missing!r} where it should be:\n{text}"
    seen = len(re.findall(r"^Thread \d+ ", text, re.MULTILINE))
    return None if seen == threads else f"gdb sees {seen} threads instead of {threads}:\n{text}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    husk, deaths, recursion = build / "launcher/husk", build / "tests/guest/deaths", build / "tests/guest/deep_recursion"
    tally = Tally()
    no_kvm = why_no_kvm()
    if no_kvm:
        tally.skip("crash reports", no_kvm, len(DEATHS) + 4)
        return tally.finish()
    for args, status, patterns in DEATHS:
        tally.record(f"report of {' '.join(args)}", check_report(husk, deaths, args, status, patterns))
    tally.record("report of a stack overflow",
                 check_report(husk, recursion, [], 139, ["SIGSEGV", r"descend\(", r"descend\("]))
    tally.record("core of a null pointer", check_core(husk, deaths, ["null"], [r"die \(", "deaths.cpp", "main"], 1))
    tally.record("core of an exception", check_core(husk, deaths, ["uncaught"], ["abort", r"die \(", "main"], 1))
    tally.record("core of two threads",
                 check_core(husk, deaths, ["null", "thread"], ["pthread_join|futex", "main", r"die \("], 2))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
