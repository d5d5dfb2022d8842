#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each example builds with the installed toolchain only, by find_package(Husk), by the toolchain file and by husk-c++,
and runs both as a Linux process and as a VM.

usage: test_installed.py --build FOLDER
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kvm import why_no_kvm
from tally import Tally
from tracked import ROOT

TEXT = b"one two two three three three\n"
# One way is enough where libraries make it long, and a service does not end by itself.
ONE_WAY = {"service": "find_package"}
ARGUMENTS = {"service": ["--help"]}


class Installed:
    """An installation in a folder of its own, moved once to show that it can be."""

    def __init__(self, build: Path, folder: Path):
        self.folder = folder
        first = folder / "first"
        self.run("cmake", "--install", build, "--prefix", first)
        self.prefix = folder / "moved here"
        shutil.move(first, self.prefix)
        self.accelerator = "qemu" if why_no_kvm() else "kvm"

    def run(self, *command: str | Path) -> str | None:
        """Runs a build step; the end of its output when it fails."""
        result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False, cwd=self.folder)
        return None if result.returncode == 0 else result.stdout.decode(errors="replace")[-2000:]

    def by_cmake(self, example: Path, *options: str) -> tuple[Path, str | None]:
        build = self.folder / ("cmake-" + example.name + str(len(options)))
        wrong = self.run("cmake", "-G", "Ninja", "-S", example, "-B", build, *options) or self.run("cmake", "--build",
                                                                                                  build)
        return build / example.name, wrong

    def by_wrapper(self, example: Path) -> tuple[Path, str | None]:
        program = self.folder / (example.name + "-by-wrapper")
        sources = sorted(example.glob("*.cpp"))
        return program, self.run(self.prefix / "bin/husk-c++", "-std=c++20", "-O2", *sources, "-o", program)

    def lives(self, program: Path) -> str | None:
        """Both lives of the program must print the same."""
        outputs = []
        arguments = ARGUMENTS.get(program.name, [])
        for command in ([program, *arguments],
                        [self.prefix / "bin/husk", "run", "--accel", self.accelerator, program, "--", *arguments]):
            result = subprocess.run([str(word) for word in command], input=TEXT, capture_output=True, check=False)
            if result.returncode != 0:
                return f"{command} ends with {result.returncode}: {result.stderr.decode(errors='replace')}"
            outputs.append(result.stdout)
        if not outputs[0]:
            return "prints nothing"
        return None if outputs[0] == outputs[1] else f"prints {outputs[1]!r} as a VM instead of {outputs[0]!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="husk-installed-") as folder:
        installed = Installed(build, Path(folder))
        toolchain = next(installed.prefix.rglob("husk-toolchain.cmake"), None)
        tally.record("toolchain file", None if toolchain else "is not installed")
        for example in sorted(path.parent for path in (ROOT / "examples").glob("*/CMakeLists.txt")):
            ways = {"find_package": lambda: installed.by_cmake(example, f"-DCMAKE_PREFIX_PATH={installed.prefix}"),
                    "toolchain file": lambda: installed.by_cmake(example, f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
                                                                 f"-DCMAKE_PREFIX_PATH={installed.prefix}"),
                    "husk-c++": lambda: installed.by_wrapper(example)}
            for way, make in ways.items():
                if ONE_WAY.get(example.name, way) != way:
                    continue
                program, wrong = make()
                tally.record(f"{example.name} by {way}", wrong or installed.lives(program))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
