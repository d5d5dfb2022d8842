#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the launcher, the runtime, the toolchain and the conformance programs, two files at a time, within a time limit.

usage: check_tidy.py --build FOLDER [--limit SECONDS] [FILE...]
A file that came out clean is not looked at again until it, a header or .clang-tidy changes. Those that git has seen change
last come first: what the time does not reach has been looked at when it was new.
"""
import argparse
import hashlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tally import Tally
from tracked import ROOT, cxx_files

OWN = ("launcher", "guest-runtime", "toolchain", "tests/guest/programs/conformance_")
# The commands are g++'s. The runtime is built without x87, which clang's front end needs to read libstdc++'s headers.
FOR_CLANG = [f"--extra-arg={word}" for word in ("-m80387", "-msse2", "-D_Bool=bool", "-Wno-unknown-warning-option",
                                                "-Wno-unknown-pragmas", "-Wno-ignored-optimization-argument")]


def fingerprint(path: Path, headers: bytes) -> str:
    return hashlib.sha256((ROOT / path).read_bytes() + headers).hexdigest()


def all_headers() -> bytes:
    """One digest of everything that a file may include of ours, and of the rules."""
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for path in cxx_files():
        if path.suffix == ".hpp":
            digest.update((ROOT / path).read_bytes())
    return digest.digest()


def newest_first(files: list[Path]) -> list[Path]:
    log = subprocess.run(["git", "log", "--name-only", "--format="], cwd=ROOT, capture_output=True, text=True, check=True)
    age: dict[str, int] = {}
    for name in log.stdout.split():
        age.setdefault(name, len(age))
    return sorted(files, key=lambda path: age.get(str(path), -1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=110)
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    compiled = {entry["file"] for entry in json.loads((options.build / "compile_commands.json").read_text())}
    files = options.files or [path for path in cxx_files() if str(path).startswith(OWN) and str(ROOT / path) in compiled]
    files = newest_first(files)
    clean_list = options.build / "tidy-clean.json"
    clean = set(json.loads(clean_list.read_text())) if clean_list.exists() else set()
    headers = all_headers()
    deadline = time.monotonic() + options.limit
    tally = Tally()

    def look_at(path: Path) -> str | None:
        if fingerprint(path, headers) in clean:
            return ""
        if time.monotonic() > deadline:
            return None
        result = subprocess.run(["clang-tidy", "--quiet", "-p", str(options.build), *FOR_CLANG, str(path)], cwd=ROOT,
                                capture_output=True, text=True, check=False)
        return result.stdout if result.returncode != 0 else ""

    late = 0
    with ThreadPoolExecutor(2) as pool:
        for path, complaint in zip(files, pool.map(look_at, files)):
            if complaint is None:
                late += 1
            elif complaint == "":
                clean.add(fingerprint(path, headers))
                tally.record(str(path), None)
            else:
                print(complaint.strip())
                tally.record(str(path), f"clang-tidy complains; again: clang-tidy -p {options.build} {path}")
    clean_list.write_text(json.dumps(sorted(clean)))
    if late:
        tally.skip(f"{late} files", f"no time left within {options.limit} s; the next run goes on", late)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
