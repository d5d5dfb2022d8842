#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a VM's disk is against the same file natively: one table with a bar for each figure, and the figures as JSON.

usage: disk.py --build FOLDER --json FILE [--runs N]
One program measures natively and in the VM in turn, on one file; SQLite's does so on new ones. Figures are medians. Exit code
1 when a bar is missed.
"""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

DISK_BYTES = 256 << 20

# Name, unit of the rate, least ratio VM / native.
BARS = [("random_read", "4 KiB random read, O_DIRECT, depth 1", "1/s", 0.7),
        ("random_read_32", "the same, depth 32 (VM: threads, native: io_uring)", "1/s", 0.9),
        ("sequential_read", "1 MiB sequential read, O_DIRECT", "MiB/s", 0.9),
        ("sequential_write", "1 MiB sequential write, O_DIRECT", "MiB/s", 0.9),
        ("cached_read", "4 KiB read from the page cache", "1/s", 2.0),
        ("sqlite_memory", "SQLite's speedtest1, file system in memory", "1/min", 1.0),
        ("sqlite_disk", "SQLite's speedtest1, /data against the host's files", "1/min", 0.9)]


def output(*command: str | Path) -> str:
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def measure(*command: str | Path) -> dict[str, float]:
    return json.loads(output(*command))


def build_speedtest(build: Path) -> Path:
    """SQLite's speedtest1, optimised as a program would be: from Debian's source package, by tests/apps/sqlite."""
    folder = build / "apps/sqlite-fast"
    folder.mkdir(parents=True, exist_ok=True)
    makefile = Path(__file__).resolve().parent.parent / "apps/sqlite/Makefile"
    output("make", "-s", "-C", folder, "-f", makefile, f"TOOLCHAIN={build.resolve()}/toolchain/root", "OPTIMISE=-O2",
           "speedtest1")
    return folder / "speedtest1"


def runs_per_minute(*command: str | Path) -> float:
    return 60 / float(re.search(r"TOTAL\D*([\d.]+)s", output(*command))[1])


def measure_sqlite(husk: Path, speedtest: Path, files: Path) -> dict[str, dict[str, float]]:
    """One run on each file system; `files` is a folder on the file system that holds the disk, too."""
    test = [speedtest, "--size", "20"]
    vm = [husk, "run", "--accel", "kvm", "--memory", "512M"]
    figures: dict[str, dict[str, float]] = {"native": {}, "vm": {}}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        figures["native"]["sqlite_memory"] = runs_per_minute(*test, f"{memory}/speed.db")
    figures["vm"]["sqlite_memory"] = runs_per_minute(*vm, speedtest, "--", *test[1:], "/tmp/speed.db")
    with tempfile.TemporaryDirectory(dir=files) as folder:
        figures["native"]["sqlite_disk"] = runs_per_minute(*test, f"{folder}/speed.db")
        output(husk, "disk", "create", f"{folder}/disk.img", "1G")
        figures["vm"]["sqlite_disk"] = runs_per_minute(*vm, "--disk", f"{folder}/disk.img:/data", speedtest, "--", *test[1:],
                                                       "/data/speed.db")
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    program = options.build / "tests/bench/disk_inside"
    runs = {"native": [], "vm": []}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    # Beside the build: a file in memory would measure something else.
    with tempfile.NamedTemporaryFile(prefix="disk-", dir=options.json.parent) as disk:
        for _ in range(DISK_BYTES >> 20):
            disk.write(os.urandom(1 << 20))
        disk.flush()
        os.fsync(disk.fileno())
        for _ in range(options.runs):
            runs["native"].append(measure(program, disk.name))
            runs["vm"].append(measure(options.build / "launcher/husk", "run", "--accel", "kvm", "--disk", disk.name,
                                      program, "--", "/dev/vda"))
    speedtest = build_speedtest(options.build)
    for _ in range(options.runs):
        for side, rates in measure_sqlite(options.build / "launcher/husk", speedtest, options.json.parent).items():
            runs[side].append(rates)
    figures, missed = {}, False
    for key, what, unit, bar in BARS:
        native, vm = (median(run[key] for run in runs[side] if key in run) for side in ("native", "vm"))
        ratio = vm / native
        missed |= ratio < bar
        figures[key] = {"native": native, "vm": vm, "unit": unit, "ratio": ratio, "bar": bar}
        print(f"{what:55} {ratio:6.2f} x  (VM {vm:.0f}, native {native:.0f} {unit})  bar >= {bar} x  "
              f"{'met' if ratio >= bar else 'missed'}")
    options.json.write_text(json.dumps({"date": datetime.date.today().isoformat(), "kernel": platform.release(),
                                        "runs": options.runs, "figures": figures}, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
