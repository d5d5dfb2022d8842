#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a VM said is durable survives its sudden end: the launcher is killed at random moments while a guest changes an
ext4 disk; the journal is replayed by the guest's next mount or by e2fsck, in turn; then e2fsck finds nothing to mend, and
nothing that was acknowledged is missing. In a second form it is the disk itself that loses what was not flushed: it is made
anew from a record of all changes, without some of the last ones and in another order.

usage: test_crash.py --build FOLDER [--runs N] [--seed N]
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from disk_record import cut_power
from tally import Tally
from kvm import accelerator, slowdown, why_no_kvm

TOOLS = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
KEPT_FILES = 20  # as in durable_writer.cpp
CUTS_OF_A_RECORD = 4


class Acknowledged:
    """What one run of the writer said, up to the last whole line."""

    def __init__(self, output: str):
        numbers = {"record": [0], "file": [-1], "gone": [-1]}
        for what, number in re.findall(r"^(record|file|gone) (\d+)\n", output, re.MULTILINE):
            numbers[what].append(int(number))
        self.records, self.last_file, self.last_gone = (max(numbers[what]) for what in ("record", "file", "gone"))


def tool(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=TOOLS,
                          timeout=120, check=False)


def husk(build: Path, disk: Path | str, program: str, *args: str) -> list[str]:
    image = str(build / "tests/guest" / program)
    return [str(build / "launcher/husk"), "run", "--accel", accelerator(), "--memory", "128M", "--disk", f"{disk}:/data", image,
            "--", *args]


def run_and_kill(command: list[str], seconds: float) -> tuple[str, str]:
    """Stdout and stderr of a run that was killed `seconds` after it had said something."""
    # Without a buffer, which readline() would fill and communicate() not look into.
    process = subprocess.Popen(command, bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.readline()
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    stdout, stderr = process.communicate(timeout=60)
    timer.cancel()
    return (first + stdout).decode(errors="replace"), stderr.decode(errors="replace")


def read_files(disk: Path, folder: Path) -> Path:
    """The disk's files, copied by debugfs to a fresh folder."""
    out = folder / "files"
    tool("rm", "-rf", str(out))
    out.mkdir()
    tool("debugfs", "-R", f"rdump / {out}", str(disk))
    return out


def missing(files: Path, number: int, said: Acknowledged) -> str | None:
    """What run `number` said was durable and is not there."""
    log = files / f"log.{number}"
    records = log.read_bytes() if log.exists() else b""
    expected = b"".join(b"%031d\n" % i for i in range(said.records))
    if records[:len(expected)] != expected:
        return f"run {number}: record {said.records} was acknowledged, the log has {len(records) // 32} records"
    for i in range(max(0, said.last_file - KEPT_FILES), said.last_file + 1):
        file = files / f"file.{number}.{i}"
        if i <= said.last_gone:
            if file.exists():
                return f"run {number}: file {i} is there although it was removed"
        elif not file.exists():
            # The writer may just have been removing the next one.
            if i != said.last_gone + 1 or said.last_file < KEPT_FILES:
                return f"run {number}: file {i} is missing"
        elif file.read_bytes() != i.to_bytes(4, "little") * 1024:
            return f"run {number}: file {i} has wrong contents"
    return None


def mount_once(build: Path, disk: Path) -> str | None:
    """Lets a VM mount the disk and end; what is wrong."""
    # The host's kernel lets go of a killed process's disk a moment after its end.
    for _ in range(50):
        result = subprocess.run(husk(build, disk, "hello_c"), stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                                check=False)
        errors = result.stderr.decode(errors="replace")
        if "in use by another process" not in errors:
            break
        time.sleep(0.1)
    return f"the next mount: exit status {result.returncode}: {errors}" if result.returncode != 0 or errors else None


def recover(build: Path, disk: Path, by_mount: bool) -> str | None:
    """Replays the journal and checks the file system; what is wrong."""
    if by_mount:
        if wrong := mount_once(build, disk):
            return wrong
    else:
        preened = tool("e2fsck", "-p", str(disk))
        if preened.returncode > 1:
            return f"e2fsck -p: {preened.stdout.decode(errors='replace')}"
    checked = tool("e2fsck", "-fn", str(disk))
    return None if checked.returncode == 0 else f"e2fsck -fn: {checked.stdout.decode(errors='replace')}"


def one_run(build: Path, folder: Path, number: int, chance: random.Random) -> tuple[str | None, int]:
    """A fresh disk, two kills in a row on it, and what is wrong afterwards; how much was acknowledged."""
    disk = folder / "disk.img"
    block = ("1024", "2048", "4096")[number % 3]
    made = tool("mke2fs", "-q", "-t", "ext4", "-b", block, str(disk), "32M")
    if made.returncode != 0:
        return f"mke2fs: {made.stdout.decode(errors='replace')}", 0
    said = []
    for kill in range(2):
        output, errors = run_and_kill(husk(build, disk, "durable_writer", "/data", str(kill)), slowdown() * chance.uniform(0, 0.5))
        said.append(Acknowledged(output))
        if errors:
            return f"the writer: {errors}", 0
        wrong = recover(build, disk, by_mount=(number + kill) % 2 == 0)
        files = read_files(disk, folder)
        for i, acknowledged in enumerate(said):
            wrong = wrong or missing(files, i, acknowledged)
        if wrong:
            return wrong, 0
    return None, sum(acknowledged.records for acknowledged in said)


def one_cut(build: Path, folder: Path, number: int, chance: random.Random) -> tuple[str | None, int]:
    """One killed run with a record, and disks that lost some of it; what is wrong, and how much was acknowledged."""
    disk, before, record = (folder / name for name in ("disk.img", "before.img", "record"))
    made = tool("mke2fs", "-q", "-t", "ext4", "-b", ("1024", "4096")[number % 2], str(disk), "16M")
    if made.returncode != 0:
        return f"mke2fs: {made.stdout.decode(errors='replace')}", 0
    shutil.copyfile(disk, before)
    output, errors = run_and_kill(husk(build, f"{disk},record={record}", "durable_writer", "/data", "0"),
                                  chance.uniform(0, 0.3))
    said = Acknowledged(output)
    if errors:
        return f"the writer: {errors}", 0
    for cut in range(CUTS_OF_A_RECORD):
        shutil.copyfile(before, disk)
        at_the_end = cut == 0
        cut_power(disk, record, chance, at_the_end)
        wrong = recover(build, disk, by_mount=(number + cut) % 2 == 0)
        if at_the_end and not wrong:
            wrong = missing(read_files(disk, folder), 0, said)
        if wrong:
            return f"cut {cut}: {wrong}", 0
    return None, said.records


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=15, help="each kills the launcher twice")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    tally = Tally()
    records = 0
    with tempfile.TemporaryDirectory(prefix="husk-power-") as folder, ThreadPoolExecutor(2) as pool:

        def each(task, what: str, count: int) -> None:
            """So many of a task, two at once, each with its own folder and its own sequence of chance."""
            nonlocal records

            def one(number: int) -> tuple[str | None, int]:
                own = Path(folder) / f"{task.__name__}-{number}"
                own.mkdir()
                result = task(options.build.resolve(), own, number, random.Random(f"{options.seed} {number}"))
                shutil.rmtree(own)
                return result

            for number, (wrong, acknowledged) in enumerate(pool.map(one, range(count))):
                records += acknowledged
                tally.record(f"{what} {number} (seed {options.seed})", wrong)

        each(one_run, "kill", options.runs)
        cuts = (options.runs + 2) // 3
        if why := why_no_kvm():
            tally.skip("disks that lose what was not flushed: only our own device records", why, cuts)
        else:
            each(one_cut, "disk that loses what was not flushed", cuts)
    print(f"{records} records were acknowledged and are there")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
