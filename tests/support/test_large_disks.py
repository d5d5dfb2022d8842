#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks of all sizes and formats, with large directories and files: what a VM writes another VM, e2fsck and the host's kernel
find as it was, and what the host's kernel writes a VM does. A directory that its format cannot make larger is full, and no
worse.

usage: test_large_disks.py --build FOLDER [--entries N]
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from kvm import accelerator
from tally import Tally

TIME_LIMIT_S = 600
# Size, what mke2fs is told, and whether the directory may be as large as asked; sparse files, the largest too.
FORMATS = [("10M", "-b 1024", False), ("1G", "-b 1024 -N 140000", True), ("1G", "-b 2048 -N 140000", True),
           ("1G", "-b 4096 -N 140000", True), ("64G", "", True)]
# Options, and how many names of 255 bytes the directory must take before it is full. With blocks of 1 KiB the root of an index
# leads to 123 nodes, and each of them to 126 blocks of at most three such names. A block or node that was split is half full,
# and the first node that cannot be split ends it. large_dir allows a level more, and the disk is full first.
FULL_DIRECTORIES = [("-b 1024", 123 * 126), ("-b 1024 -O large_dir", 123 * 126 * 3)]


def run(*command: str | Path) -> str | None:
    """What is wrong with the command's end; None: nothing."""
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIME_LIMIT_S, check=False)
    if result.returncode == 0:
        return None
    return f"{' '.join(map(str, command))}: exit status {result.returncode}: {result.stdout[-1000:].strip()}"


class Disk:
    """An image, as a VM's disk or mounted by the host's kernel."""

    def __init__(self, build: Path, folder: Path, size: str, options: str):
        self.husk, self.program = build / "launcher/husk", build / "tests/guest/ext4_large"
        self.image, self.mount = folder / "disk.img", folder / "mount"
        self.image.unlink(missing_ok=True)
        self.mount.mkdir(exist_ok=True)
        self.wrong = run("mke2fs", "-q", "-t", "ext4", *options.split(), self.image, size)

    def in_vm(self, what: str, number: int) -> None:
        self.wrong = self.wrong or run(self.husk, "run", "--accel", accelerator(), "--disk", f"{self.image}:/data", self.program, "--",
                                       what, "/data", str(number)) or run("e2fsck", "-fn", self.image)

    def on_host(self, what: str, number: int) -> None:
        """By a loop device in a mount namespace of its own, which takes the mount with it."""
        self.wrong = self.wrong or run("unshare", "--mount", "sh", "-c", 'mount -o loop "$0" "$1" && exec "$2" "$3" "$1" "$4"',
                                       self.image, self.mount, self.program, what, str(number)) or run("e2fsck", "-fn",
                                                                                                       self.image)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    build = options.build.resolve()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="husk-large-") as name:
        folder = Path(name)
        probe = Disk(build, folder, "10M", "")
        has_loop = run("unshare", "--mount", "mount", "-o", "loop", probe.image, probe.mount) is None
        for size, words, is_large in FORMATS:
            entries = options.entries if is_large else 1000
            disk = Disk(build, folder, size, words)
            disk.in_vm("write", entries)
            disk.in_vm("check", entries)
            if has_loop:
                disk.on_host("check", entries)
            tally.record(f"written by a VM: {size} {words}", disk.wrong)
            if not has_loop:
                tally.skip(f"written by the host: {size} {words}", "no loop devices")
                continue
            disk = Disk(build, folder, size, words)
            disk.on_host("write", entries)
            disk.in_vm("check", entries)
            tally.record(f"written by the host: {size} {words}", disk.wrong)
        for words, least in FULL_DIRECTORIES:
            disk = Disk(build, folder, "96M", words)
            disk.in_vm("fill", least)
            tally.record(f"a directory that is full: {words}", disk.wrong)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
