#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C and C++ file is as clang-format would write it."""
import subprocess
import sys

from tally import Tally
from tracked import ROOT, cxx_files


def main() -> int:
    tally = Tally()
    for path in cxx_files():
        result = subprocess.run(["clang-format", "--dry-run", "-Werror", str(path)], cwd=ROOT, capture_output=True,
                                text=True, check=False)
        first = result.stderr.splitlines()[0] if result.stderr else "clang-format fails"
        tally.record(str(path), None if result.returncode == 0 else f"{first} (mend: clang-format -i {path})")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
