#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SQLite can trust a VM's disk: its shell gives the same answers on /data as natively, with every kind of journal and a
mapped database; and when the launcher is killed at random moments, the database is whole and holds every transaction whose
commit had returned.

usage: test_sqlite.py --build FOLDER [--kills N] [--seed N]
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kvm import accelerator, slowdown
from tally import Tally

APP = Path(__file__).resolve().parent.parent / "apps/sqlite"
# A HOME without settings for SQLite's shell.
TOOLS = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", HOME="/nonexistent")
KEPT, ROWS_EACH = 100, 5  # as in writer.cpp
# What must be so in the writer's database between two transactions; each line is 1 then.
INVARIANTS = f"""
SELECT last FROM progress;
PRAGMA integrity_check;
SELECT count(*) = {ROWS_EACH} * min({KEPT}, (SELECT last FROM progress)) FROM entry;
SELECT count(DISTINCT number) = min({KEPT}, (SELECT last FROM progress)) FROM entry;
SELECT count(*) = 0 FROM entry WHERE row NOT BETWEEN 0 AND {ROWS_EACH - 1} OR number > (SELECT last FROM progress)
    OR payload IS NOT replace(hex(zeroblob(200 + number * 37 % 900)), '0', char(97 + number % 26));
"""


def run(command: list[str], text: str = "", **more) -> subprocess.CompletedProcess:
    return subprocess.run(command, input=text, text=True, errors="replace", capture_output=True, timeout=600, check=False,
                          env=TOOLS, **more)


def build_programs(build: Path) -> Path:
    folder = build / "apps/sqlite"
    folder.mkdir(parents=True, exist_ok=True)
    made = run(["make", "-j2", "-C", str(folder), "-f", str(APP / "Makefile"), f"TOOLCHAIN={build}/toolchain/root", "all"])
    if made.returncode != 0:
        sys.exit(f"test_sqlite: SQLite was not built:\n{made.stdout}{made.stderr}")
    return folder


def husk(build: Path, disk: Path, program: Path, *args: str) -> list[str]:
    return [str(build / "launcher/husk"), "run", "--accel", accelerator(), "--memory", "128M", "--cwd", "/data", "--disk",
            f"{disk}:/data", str(program), "--", *args]


def in_vm(build: Path, disk: Path, program: Path, sql: str, *args: str) -> subprocess.CompletedProcess:
    """A run with SQL as input, on a disk that the host's kernel may let go of only a moment after a killed launcher's end."""
    for _ in range(50):
        result = run(husk(build, disk, program, *args), sql)
        if "in use by another process" not in result.stderr:
            break
        time.sleep(0.1)
    return result


def fresh_disk(folder: Path, block_bytes: int) -> Path:
    disk = folder / "disk.img"
    disk.unlink(missing_ok=True)
    made = run(["mke2fs", "-q", "-t", "ext4", "-b", str(block_bytes), str(disk), "64M"])
    if made.returncode != 0:
        sys.exit(f"test_sqlite: mke2fs: {made.stderr}")
    return disk


def unclean(disk: Path) -> str | None:
    checked = run(["e2fsck", "-fn", str(disk)])
    return None if checked.returncode == 0 else f"e2fsck -fn: {checked.stdout}"


def same_answers(build: Path, programs: Path, folder: Path, block_bytes: int) -> str | None:
    """What differs between the checks natively and in a VM, or is wrong in what the VM leaves on the disk."""
    shell, sql = programs / "sqlite3", (APP / "checks.sql").read_text()
    native_folder = folder / f"native.{block_bytes}"
    native_folder.mkdir()
    native = run([str(shell), "checks.db"], sql, cwd=native_folder)
    disk = fresh_disk(folder, block_bytes)
    vm = in_vm(build, disk, shell, sql, "checks.db")
    if native.returncode != 0 or native.stderr or native.stdout.count("ok\n") != 5:
        return f"natively, exit status {native.returncode}: {native.stderr}{native.stdout}"
    if vm.returncode != 0 or vm.stderr:
        return f"exit status {vm.returncode}: {vm.stderr}{vm.stdout[-500:]}"
    if vm.stdout != native.stdout:
        return f"natively:\n{native.stdout}in the VM:\n{vm.stdout}"
    if wrong := unclean(disk):
        return wrong
    # The host reads what the guest wrote.
    for name in ("checks.db", "second.db", "saved.db"):
        run(["debugfs", "-R", f"dump {name} {folder}/{name}", str(disk)])
        theirs, ours = (run([str(shell), str(where / name)], "PRAGMA integrity_check;\n.sha3sum\n").stdout
                        for where in (folder, native_folder))
        if theirs != ours or not theirs.startswith("ok\n"):
            return f"{name}: natively:\n{ours}from the disk:\n{theirs}"
    return None


def write_and_kill(command: list[str], seconds: float) -> tuple[int, str]:
    """The last transaction that was acknowledged `seconds` after the first one, and stderr."""
    # Without a buffer, which readline() would fill and communicate() not look into.
    process = subprocess.Popen(command, bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.readline()
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    stdout, stderr = process.communicate(timeout=60)
    timer.cancel()
    numbers = re.findall(r"^committed (\d+)\n", (first + stdout).decode(errors="replace"), re.MULTILINE)
    return int(numbers[-1]) if numbers else 0, stderr.decode(errors="replace")


def kill_once(build: Path, programs: Path, disk: Path, mode: str, seconds: float) -> tuple[str | None, int]:
    """Kills one writer; what is wrong afterwards, and the last transaction that is there."""
    acknowledged, errors = write_and_kill(husk(build, disk, programs / "writer", "killed.db", mode), seconds)
    if errors or acknowledged == 0:
        return f"the writer said {errors or 'nothing'}", 0
    after = in_vm(build, disk, programs / "sqlite3", INVARIANTS, "killed.db")
    last, *verdicts = after.stdout.splitlines() or ["0"]
    if after.returncode != 0 or after.stderr or verdicts != ["ok", "1", "1", "1"]:
        return f"exit status {after.returncode} after transaction {acknowledged}: {after.stderr}{after.stdout}", 0
    # One more may have been committed and not yet acknowledged.
    if int(last) not in (acknowledged, acknowledged + 1):
        return f"transaction {acknowledged} was acknowledged, the last one there is {last}", 0
    return unclean(disk), int(last)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=5, help="for each journal mode")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    tally = Tally()
    build = options.build.resolve()
    programs = build_programs(build)
    with tempfile.TemporaryDirectory(prefix="husk-sqlite-") as name, ThreadPoolExecutor(2) as pool:

        def own(*words: str | int) -> Path:
            folder = Path(name) / "-".join(map(str, words))
            folder.mkdir()
            return folder

        def answers(block_bytes: int) -> str | None:
            return same_answers(build, programs, own("answers", block_bytes), block_bytes)

        def kills(mode: str, block_bytes: int) -> tuple[list[str | None], int]:
            """The writers of one mode go on with one database."""
            chance, verdicts, last = random.Random(f"{options.seed} {mode}"), [], 0
            disk = fresh_disk(own(mode), block_bytes)
            for _ in range(options.kills):
                wrong, last = kill_once(build, programs, disk, mode, slowdown() * chance.uniform(0, 0.7))
                verdicts.append(wrong)
            return verdicts, last

        sizes, modes = (1024, 4096), {"wal": 4096, "delete": 1024}
        for block_bytes, wrong in zip(sizes, pool.map(answers, sizes)):
            tally.record(f"SQLite's answers on /data, blocks of {block_bytes}", wrong)
        transactions = 0
        for mode, (verdicts, last) in zip(modes, pool.map(kills, modes, modes.values())):
            for number, wrong in enumerate(verdicts):
                tally.record(f"kill {number} in journal mode {mode} (seed {options.seed})", wrong)
            transactions += last
    print(f"{transactions} transactions are there")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
