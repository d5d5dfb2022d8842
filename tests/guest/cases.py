# SPDX-License-Identifier: Apache-2.0
"""The list of guest tests: reads list.toml into Case values."""
import contextlib
import re
import subprocess
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

KEYS = {"name", "program", "example", "args", "env", "stdin", "stdin_lines", "stdin_bytes", "options", "status", "stdout",
        "stderr", "nested", "native", "limit_native", "timeout_s", "disk", "queues", "mount", "cpus", "absent_cpus", "cpu_model", "environments"}
GUEST_DISK = "/dev/vda"  # what "{disk}" in an argument becomes in a guest
TOOLS = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}


@dataclass
class Case:
    name: str
    program: str
    args: list[str]
    env: list[str]
    stdin: bytes
    options: list[str]
    status: int = 0
    stdout: str | None = None
    stderr: str | None = None
    nested: bool = False
    native: bool = True
    limit_native: bool = False
    timeout_s: float = 20
    example: bool = False
    cpus: int = 1
    absent_cpus: int = 0  # of cpus: described by the CPU alone, and not there; under QEMU
    cpu_model: str = "max"  # under QEMU
    environments: list[str] | None = None  # None: all
    disk: str | None = None  # size of a scratch disk
    queues: int = 1  # of that disk
    mount: str | None = None  # where the disk, with an ext4 file system, is mounted; natively a folder takes its place

    def image(self, build: Path) -> Path:
        folder = build / "examples" / self.program if self.example else build / "tests/guest"
        return folder / self.program

    def arguments(self, disk: str = GUEST_DISK) -> list[str]:
        return [a.replace("{now_ns}", str(time.time_ns())).replace("{disk}", disk)
                .replace("{mount}", self.mount or "") for a in self.args]

    @contextlib.contextmanager
    def scratch_disk(self):
        """A sparse file of the wanted size for the time of one run; None when the test wants no disk."""
        if self.disk is None:
            yield None
            return
        with tempfile.NamedTemporaryFile(prefix="husk-disk-") as file:
            file.truncate(bytes_of(self.disk))
            if self.mount:
                subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", file.name], check=True, env=TOOLS)
            yield file.name

    def check_disk(self, disk: str | None, result: "Result") -> "Result":
        """The same result, with what e2fsck says about the disk that the guest left."""
        if self.mount and disk and result.status is not None:
            check = subprocess.run(["e2fsck", "-fn", disk], capture_output=True, text=True, check=False, env=TOOLS)
            result.damage = f"e2fsck: {check.stdout}" if check.returncode else ""
        return result

    def runs_in(self, environment: str) -> bool:
        return self.environments is None or environment in self.environments

    def option(self, name: str, default: str) -> str:
        return self.options[self.options.index(name) + 1] if name in self.options else default

    def memory_bytes(self) -> int:
        return bytes_of(self.option("--memory", "256M"))


def bytes_of(size: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([KMG]?)", size).groups()
    return int(number) << {"": 0, "K": 10, "M": 20, "G": 30}[unit]


@dataclass
class Result:
    status: int | None  # None: timed out
    stdout: bytes
    stderr: bytes
    command: str
    seconds: float = 0
    stdout_sha256: str | None = None  # instead of a stdout that is too long to send
    note: str = field(default="")
    damage: str = ""  # what e2fsck found, or what the devices have not seen


def read_cases(path: Path) -> list[Case]:
    """All tests of list.toml, in order. Raises ValueError for a key or name that cannot be right."""
    cases = []
    table = tomllib.loads(path.read_text())
    for entry in table["test"]:
        unknown = set(entry) - KEYS
        if unknown:
            raise ValueError(f"{path}: test {entry.get('name')}: unknown key {', '.join(sorted(unknown))}")
        stdin = entry.pop("stdin", "").encode()
        if "stdin_lines" in entry:
            stdin = b"".join(b"%d\n" % i for i in range(1, entry.pop("stdin_lines") + 1))
        if "stdin_bytes" in entry:
            count = entry.pop("stdin_bytes")
            stdin = (bytes(range(256)) * (count // 256 + 1))[:count]
        entry.setdefault("program", entry["name"])
        cases.append(Case(args=entry.pop("args", []), env=entry.pop("env", []), options=entry.pop("options", []),
                          stdin=stdin, **entry))
    names = [case.name for case in cases]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(f"{path}: named twice: {', '.join(sorted(doubled))}")
    programs = {source.stem for source in (path.parent / "programs").iterdir()}
    listed = {case.program for case in cases if not case.example}
    listed |= set(table.get("elsewhere", []))
    if programs != listed:
        raise ValueError(f"{path}: programs and list differ: {', '.join(sorted(programs ^ listed))}")
    return cases


def judge(case: Case, result: Result, native: Result | None) -> str | None:
    """What is wrong with the result, as one line; None when it is right."""
    if result.status is None:
        return f"no end after {result.seconds:.0f} s"
    if result.damage:
        return " ".join(result.damage.split())[:300]
    if result.status != case.status:
        return f"exit status {result.status}, should be {case.status}"
    if case.stdout is not None:
        if not re.fullmatch(case.stdout.encode(), result.stdout, re.DOTALL):
            return f"stdout does not match {case.stdout!r}"
    elif native is not None:
        same = (result.stdout_sha256 == native.stdout_sha256 if result.stdout_sha256
                else result.stdout == native.stdout)
        if not same:
            return f"stdout differs from the native run: {difference(result.stdout, native.stdout)}"
    if case.stderr is not None and not re.search(case.stderr.encode(), result.stderr, re.DOTALL):
        return f"stderr has no {case.stderr!r}"
    return None


def difference(got: bytes, expected: bytes) -> str:
    if got == expected[: len(got)]:
        return f"it ends after {len(got)} of {len(expected)} bytes"
    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), len(expected))
    return f"at byte {at} {got[at:at + 30]!r} instead of {expected[at:at + 30]!r}"
