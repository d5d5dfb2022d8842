#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""However a program ends, what it wrote to a disk before is on the disk afterwards, with and without a sync.

usage: test_disk_ends.py --build FOLDER
"""
import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from kvm import accelerator
from tally import Tally

TIME_LIMIT_S = 60
DISK_BYTES = 6 << 20
EXPECTED = b"".join(number.to_bytes(4, "little") * 1024 for number in range(DISK_BYTES // 4096))

# How the program ends, which signal the launcher gets once it has written, and husk's exit status.
ENDS = [("return", None, 0), ("_exit", None, 3), ("abort", None, 134), ("kill", None, 137), ("fault", None, 139),
        ("wait", signal.SIGTERM, 143), ("wait", signal.SIGINT, 130)]


def complaint(husk: Path, accelerator: str, image: Path, way: str, sent: signal.Signals | None, status: int) -> str | None:
    with tempfile.NamedTemporaryFile(prefix="husk-disk-") as disk:
        disk.truncate(DISK_BYTES)
        process = subprocess.Popen([husk, "run", "--accel", accelerator, "--disk", disk.name, image, "--", "/dev/vda", way],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if sent is not None:
                process.stdout.readline()
                process.send_signal(sent)
            _, errors = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "no end"
        if process.returncode != status:
            return f"exit status {process.returncode}, should be {status}: {errors.decode(errors='replace').strip()}"
        contents = Path(disk.name).read_bytes()
        missing = [at for at in range(0, DISK_BYTES, 4096) if contents[at:at + 4096] != EXPECTED[at:at + 4096]]
        return f"{len(missing)} blocks are missing, the first at {missing[0]}" if missing else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    tally = Tally()
    used = accelerator()
    for way, sent, status in ENDS:
        name = way if sent is None else sent.name
        tally.record(f"disk after {name}", complaint(build / "launcher/husk", used, build / "tests/guest/disk_ends", way,
                                                     sent, status))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
