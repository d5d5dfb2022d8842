#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C and C++ file is as clang-format would write it."""
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tally import Tally
from tracked import ROOT, cxx_files


def complaints_about(paths: list[Path]) -> dict[str, str]:
    """The first complaint about each file, by its name: many files at once, since starting the tool takes longest."""
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, paths)], cwd=ROOT, capture_output=True,
                            text=True, check=False)
    found: dict[str, str] = {}
    for line in result.stderr.splitlines():
        match = re.match(r"(?:.*?)([^:\s]+):(\d+):\d+: error: ", line)
        if match:
            found.setdefault(match.group(1), f"line {match.group(2)} (mend: clang-format -i {match.group(1)})")
    if result.returncode != 0 and not found:
        found[str(paths[0])] = f"clang-format fails: {result.stderr[:300]}"
    return found


def main() -> int:
    tally = Tally()
    files = cxx_files()
    chunks = [files[i:i + 40] for i in range(0, len(files), 40)]
    with ThreadPoolExecutor(2) as pool:
        found = {name: what for part in pool.map(complaints_about, chunks) for name, what in part.items()}
    for path in files:
        tally.record(str(path), found.get(str(path)))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
