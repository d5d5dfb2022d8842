# SPDX-License-Identifier: Apache-2.0
"""The project's own files, as git knows them, new ones included."""
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CXX_SUFFIXES = {".c", ".cpp", ".h", ".hpp"}
CODE_SUFFIXES = CXX_SUFFIXES | {".S", ".py", ".sh", ".cmake", ".toml"}


def tracked_files() -> list[Path]:
    """Paths relative to ROOT of all files that are tracked or would be."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           check=True, capture_output=True).stdout.decode().split("\0")
    return sorted({Path(name) for name in names if name and (ROOT / name).is_file()})


def cxx_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix in CXX_SUFFIXES]
