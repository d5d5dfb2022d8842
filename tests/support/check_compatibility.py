#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/compatibility.md lists the system calls as husk/abi/linux_calls.def has them, every call it has is one of Linux, and
every call that is served has a case in the conformance programs or is named here with the reason why it has none.

usage: check_compatibility.py [--write]     --write brings the document up to date
"""
import re
import sys
import textwrap
from pathlib import Path

from tally import Tally
from tracked import ROOT

TABLE = ROOT / "guest-runtime/abi/include/husk/abi/linux_calls.def"
DOCUMENT = ROOT / "docs/compatibility.md"
BEGIN, END = "<!-- from here on made of linux_calls.def: check_compatibility.py --write -->\n", "<!-- until here -->\n"
CASES = "tests/guest/programs/conformance_*.cpp"
# A case is a row or a scenario that begins with its call: see tests/guest/conformance.hpp.
CASE = re.compile(r'(?:\{|scenario\()SYS_(\w+), "')
LINUX_HAS_IT = "Linux serves it: no_processes.cpp"
NO_CASE = {
    "fork": LINUX_HAS_IT, "vfork": LINUX_HAS_IT,
    "mbind": "Linux has NUMA", "set_mempolicy": "Linux has NUMA", "get_mempolicy": "Linux has NUMA",
}
KERNEL_NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def read_table(text: str) -> tuple[dict[int, tuple[str, str]], dict[str, str]]:
    """Calls by number as (name, handler), and limits by name."""
    calls = {int(number): (name, handler)
             for number, name, handler in re.findall(r"^HUSK_SYSCALL\((\d+), (\w+), (\w+)\)", text, re.MULTILINE)}
    return calls, dict(re.findall(r'^HUSK_SYSCALL_LIMIT\((\w+), "(.*)"\)', text, re.MULTILINE))


def names(title: str, calls: list[str]) -> str:
    words = textwrap.fill(", ".join(f"`{call}`" for call in calls), 120, break_on_hyphens=False)
    return f"\n### {title} ({len(calls)})\n\n{words}\n"


def section(calls: dict[int, tuple[str, str]], limits: dict[str, str]) -> str:
    def served_by(*handlers: str) -> list[str]:
        return [name for name, handler in calls.values() if handler in handlers]

    ineffective, missing = served_by("sys_accept_quietly"), served_by("sys_missing")
    whole = [name for name, _ in calls.values() if name not in {*ineffective, *missing, *limits}]
    limited = "".join(f"| `{name}` | {what} |\n" for name, what in limits.items())
    return (names("Served", whole) + f"\n### Served in part ({len(limits)})\n\n| call | limit |\n|---|---|\n{limited}"
            + names("Accepted without an effect", ineffective) + names("Missing: ENOSYS", missing) + "\n")


def wrong_numbers(calls: dict[int, tuple[str, str]]) -> str | None:
    """What differs from the numbers in Linux's header."""
    linux = {name: int(number)
             for name, number in re.findall(r"#define __NR_(\w+) (\d+)", KERNEL_NUMBERS.read_text())}
    wrong = [f"{name} is {number}" for number, (name, _) in calls.items() if linux.get(name, number) != number]
    absent = [name for name, number in linux.items() if number <= max(calls) and number not in calls]
    return "; ".join(wrong + [f"{name} is not there" for name in absent]) or None


def count_cases() -> dict[str, int]:
    """The number of cases by call."""
    counts: dict[str, int] = {}
    for source in sorted(ROOT.glob(CASES)):
        for name in CASE.findall(source.read_text()):
            counts[name] = counts.get(name, 0) + 1
    return counts


def uncovered(served: set[str], counts: dict[str, int]) -> str | None:
    """What of the served calls has no case and no reason for it, or both."""
    without = sorted(served - counts.keys() - NO_CASE.keys())
    both = sorted((NO_CASE.keys() & counts.keys()) | (NO_CASE.keys() - served))
    wrong = [f"no case: {', '.join(without)}"] if without else []
    wrong += [f"named without need as having none: {', '.join(both)}"] if both else []
    return "; ".join(wrong) or None


def main() -> int:
    calls, limits = read_table(TABLE.read_text())
    served = {name for name, handler in calls.values() if handler not in ("sys_missing", "sys_accept_quietly")}
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    right = before + BEGIN + section(calls, limits) + END + rest.split(END)[1]
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(right)
        return 0
    tally = Tally()
    tally.record("the document", None if text == right else "not up to date; mend: check_compatibility.py --write")
    tally.record("limits", None if limits.keys() <= served else f"of no served call: {sorted(limits.keys() - served)}")
    tally.record("numbers", wrong_numbers(calls))
    counts = count_cases()
    tally.record("cases", uncovered(served, counts))
    tally.record("cases of unknown calls", ", ".join(sorted(counts.keys() - {name for name, _ in calls.values()})) or None)
    print(f"{sum(counts.values())} cases cover {len(counts.keys() & served)} of {len(served)} served calls, "
          f"and {len(counts.keys() - served)} others")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
