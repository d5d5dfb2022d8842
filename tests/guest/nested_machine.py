# SPDX-License-Identifier: Apache-2.0
"""`husk run` on real kvm-amd under QEMU's emulated AMD-V: one boot runs all representative tests and reports each."""
import base64
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from cases import Case, Result
from environments import husk_command

SLOWDOWN = 6  # two levels of emulation, for time limits
BOOT_S = 300
GRACE_S = 30  # for the next test to begin, after a time limit
BOOT = Path(__file__).resolve().parent.parent / "support/nested/boot.sh"
CLOCK = "NOW_NS"  # stands for that machine's own time, which only its shell knows


def job_script(case: Case) -> str:
    case = replace(case, args=[argument.replace("{now_ns}", CLOCK) for argument in case.args])
    disk = "/disk" if case.disk else None
    command = shlex.join(husk_command(Path("/t/husk"), "kvm", Path("/t/programs") / case.program, case, disk)).replace(
        CLOCK, '"$(date +%s)000000000"')
    return f"rm -f /disk; truncate -s {case.disk} /disk; {command}" if disk else command


def prepare(folder: Path, build: Path, cases: list[Case]) -> None:
    for name in ("jobs", "timeouts", "stdin", "programs"):
        (folder / name).mkdir()
    shutil.copy(build / "launcher/husk", folder / "husk")
    for number, case in enumerate(cases):
        name = f"{number:03}-{case.name}"
        (folder / "jobs" / name).write_text(job_script(case) + "\n")
        (folder / "timeouts" / name).write_text(f"{SLOWDOWN * case.timeout_s:.0f}")
        (folder / "stdin" / name).write_bytes(case.stdin)
        if not (folder / "programs" / case.program).exists():
            subprocess.run(["strip", "-g", "-o", str(folder / "programs" / case.program),
                            str(case.image(build))], check=True)


def parse(console: str) -> dict[str, Result]:
    """The results that /init reported, by job name."""
    results, name, section, parts = {}, None, None, {}
    for line in console.replace("\r", "").splitlines():
        words = line.split()
        if not line.startswith("@@ ") or len(words) < 2:
            if section:
                parts[section] = parts.get(section, "") + line.strip()
            continue
        section = None
        if words[1] == "begin":
            name, parts = words[2], {}
        elif words[1] in ("status", "digest"):
            parts[words[1]] = words[2]
        elif words[1] in ("stdout", "stderr"):
            section = words[1]
        elif words[1] == "end" and name == words[2]:
            results[name] = Result(int(parts["status"]), base64.b64decode(parts.get("stdout", "")),
                                   base64.b64decode(parts.get("stderr", "")), "", stdout_sha256=parts["digest"])
    return results


def run_watched(command: list[str], errors: BinaryIO, cases: list[Case]) -> tuple[str, bool]:
    """The console of a machine, and whether it was ended because a test was not over long after its time limit."""
    limits = {case.name: SLOWDOWN * case.timeout_s + GRACE_S for case in cases}
    console = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, start_new_session=True) as machine:
        end = time.monotonic() + BOOT_S
        while select.select([machine.stdout], [], [], max(end - time.monotonic(), 0))[0]:
            piece = os.read(machine.stdout.fileno(), 65536)
            if not piece:
                return console.decode(errors="replace"), False
            console += piece
            begun = re.findall(rb"@@ begin \d+-(\S+)[\r\n]", console[-len(piece) - 200:])
            if begun:
                end = time.monotonic() + limits[begun[-1].decode()]
        os.killpg(machine.pid, signal.SIGTERM)
    return console.decode(errors="replace"), True


class NestedMachine:
    """Runs many tests in one boot; `unusable` says why there are no results at all."""

    name = "nested"

    def __init__(self, build: Path, console_log: Path):
        self.build = build
        self.console_log = console_log
        self.unusable: str | None = None

    def run_all(self, cases: list[Case]) -> dict[str, Result]:
        """Results by test name; a test that the machine never finished is missing."""
        self.console_log.write_text("")
        results, stood_still = self.boot(cases)
        rest = [case for case in cases if case.name not in results]
        if stood_still and rest:
            # Seen now and then: both of QEMU's emulated CPUs spin in its own handling of interrupts, and run nothing any more.
            print(f"the emulated machine stood still in {rest[0].name}: booted again for {len(rest)} tests", flush=True)
            results |= self.boot(rest)[0]
        return results

    def boot(self, cases: list[Case]) -> tuple[dict[str, Result], bool]:
        """Results of one boot, and whether the machine was ended because it stood still."""
        with tempfile.TemporaryDirectory(prefix="husk-nested-") as name:
            folder = Path(name) / "t"
            folder.mkdir()
            prepare(folder, self.build, cases)
            with open(Path(name) / "errors", "w+b") as errors:
                console, stood_still = run_watched([str(BOOT), str(folder)], errors, cases)
                errors.seek(0)
                with open(self.console_log, "a", encoding="utf-8") as log:
                    log.write(console + errors.read().decode(errors="replace"))
        if "@@ ready" not in console:
            self.unusable = f"the nested machine did not come up; see {self.console_log}"
        return {job.split("-", 1)[1]: result for job, result in parse(console).items()}, stood_still
