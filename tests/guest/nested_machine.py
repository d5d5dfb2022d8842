# SPDX-License-Identifier: Apache-2.0
"""`husk run` on real kvm-amd under QEMU's emulated AMD-V: one boot runs all representative tests and reports each."""
import base64
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from cases import Case, Result
from environments import husk_command

SLOWDOWN = 6  # two levels of emulation, for time limits
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


class NestedMachine:
    """Runs many tests in one boot; `unusable` says why there are no results at all."""

    name = "nested"

    def __init__(self, build: Path, console_log: Path):
        self.build = build
        self.console_log = console_log
        self.unusable: str | None = None

    def run_all(self, cases: list[Case]) -> dict[str, Result]:
        """Results by test name; a test that the machine never finished is missing."""
        with tempfile.TemporaryDirectory(prefix="husk-nested-") as name:
            folder = Path(name) / "t"
            folder.mkdir()
            prepare(folder, self.build, cases)
            boot = subprocess.run([str(BOOT), str(folder)], capture_output=True, check=False)
        console = boot.stdout.decode(errors="replace")
        self.console_log.write_text(console + boot.stderr.decode(errors="replace"))
        if "@@ ready" not in console:
            self.unusable = f"the nested machine did not come up; see {self.console_log}"
        return {job.split("-", 1)[1]: result for job, result in parse(console).items()}
