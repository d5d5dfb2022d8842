#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a VM's disk is against the same file natively: one table with a bar for each figure, and the figures as JSON.

usage: disk.py --build FOLDER --json FILE [--runs N]
One program measures natively and in the VM in turn, on one file; SQLite's does so on new ones. Figures are medians. The host's
ext4 is an image like the VM's, mounted by a loop device, or without the right to do so the file system that holds the build.
Exit code 1 when a bar is missed.
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
        ("durable_files", "create, write 4 KiB, fsync, rename on ext4", "1/s", 0.8),
        ("sqlite_memory", "SQLite's speedtest1, file system in memory", "1/min", 1.0),
        ("sqlite_disk", "SQLite's speedtest1, /data against the host's files", "1/min", 0.9)]

# What a disk adds to `husk run hello`, in us: name, and the most.
ADDED_BARS = [("attached", "time that an attached disk adds to a boot", 150),
              ("mounted", "time that a mounted disk adds to a boot", 500)]


def output(*command: str | Path, errors: bool = False) -> str:
    """stdout of a command that must succeed, with `errors` stderr behind it."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout + (result.stderr if errors else "")


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


def try_loop_mount(image: Path, folder: Path) -> bool:
    return subprocess.run(["unshare", "--mount", "mount", "-o", "loop", image, folder], capture_output=True,
                          check=False).returncode == 0


def measure_files(husk: Path, program: Path, files: Path, runs: int) -> tuple[dict[str, list[dict[str, float]]], str]:
    """Durable files on ext4 natively and in a VM in turn, and what the host's ext4 was."""
    rates: dict[str, list[dict[str, float]]] = {"native": [], "vm": []}
    with tempfile.TemporaryDirectory(dir=files) as name:
        folder, ours, theirs = (Path(name) / part for part in ("mounted", "guest.img", "host.img"))
        folder.mkdir()
        for image in (ours, theirs):
            output(husk, "disk", "create", image, "1G")
        by_loop = try_loop_mount(theirs, folder)
        # In a mount namespace of its own, which takes the mount with it.
        native = (["unshare", "--mount", "sh", "-c", 'mount -o loop "$0" "$1" && exec "$2" "$1"', theirs, folder, program]
                  if by_loop else [program, folder])
        for _ in range(runs):
            rates["native"].append(measure(*native))
            rates["vm"].append(measure(husk, "run", "--accel", "kvm", "--disk", f"{ours}:/data", program, "--", "/data"))
        kind = "a loop mount" if by_loop else output("stat", "-f", "-c", "%T", folder).strip()
    return rates, kind


def added_us(build: Path, files: Path, runs: int) -> dict[str, float]:
    """What a disk adds to whole runs of hello, all kinds in turn."""
    husk, hello = build / "launcher/husk", build / "examples/hello/hello"
    with tempfile.TemporaryDirectory(dir=files) as folder:
        disk = Path(folder) / "disk.img"
        output(husk, "disk", "create", disk, "1G")
        plain = [husk, "run", "--accel", "kvm"]
        result = output(build / "tests/bench/spawn_times", str(runs), *plain, hello, ";", *plain, "--disk", disk, hello, ";",
                        *plain, "--disk", f"{disk}:/data", hello)
    without, attached, mounted = (median(times["us"]) for times in json.loads(result))
    return {"attached": attached - without, "mounted": mounted - without}


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
    file_rates, host_ext4 = measure_files(options.build / "launcher/husk", program, options.json.parent, options.runs)
    for side, rates in file_rates.items():
        runs[side] += rates
    added = added_us(options.build, options.json.parent, 20 * options.runs)
    figures, missed = {}, False
    for key, what, unit, bar in BARS:
        native, vm = (median(run[key] for run in runs[side] if key in run) for side in ("native", "vm"))
        ratio = vm / native
        missed |= ratio < bar
        figures[key] = {"native": native, "vm": vm, "unit": unit, "ratio": ratio, "bar": bar}
        print(f"{what:55} {ratio:6.2f} x  (VM {vm:.0f}, native {native:.0f} {unit})  bar >= {bar} x  "
              f"{'met' if ratio >= bar else 'missed'}")
    for key, what, bar in ADDED_BARS:
        missed |= added[key] > bar
        figures[f"added_{key}"] = {"us": added[key], "bar": bar}
        print(f"{what:55} {added[key]:6.0f} us  bar <= {bar} us  {'met' if added[key] <= bar else 'missed'}")
    print(f"the host's ext4 was {host_ext4}")
    options.json.write_text(json.dumps({"date": datetime.date.today().isoformat(), "kernel": platform.release(),
                                        "runs": options.runs, "host_ext4": host_ext4, "figures": figures}, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
