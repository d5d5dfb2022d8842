# SPDX-License-Identifier: Apache-2.0
"""Where a guest test runs: as a Linux process, or under `husk run`. QEMU and the nested machine have files of their own."""
import resource
import shlex
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from cases import Case, Result


def run_process(command: list[str], case: Case, timeout_s: float, cwd: str | None = None, env: dict | None = None,
                memory_limit: int | None = None) -> Result:
    """Runs a command with the test's stdin; status is the exit code, 128 + signal, or None when time ran out."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory_limit:
            resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))

    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
                               env=env, preexec_fn=limit)
    try:
        out, err = process.communicate(case.stdin, timeout=timeout_s)
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        status = None
    return Result(status, out, err, shlex.join(command), time.monotonic() - begin)


class Native:
    """The reference: the image file as an ordinary Linux process with an environment of its own."""

    name = "native"

    def __init__(self, build: Path):
        self.build = build

    def run(self, case: Case) -> Result:
        env = dict(variable.split("=", 1) for variable in case.env)
        with case.scratch_disk() as disk, tempfile.TemporaryDirectory(prefix="husk-mount-") as folder:
            here = replace(case, mount=folder) if case.mount else case
            return run_process([str(case.image(self.build)), *here.arguments(disk or "")], case, case.timeout_s,
                               cwd=case.option("--cwd", "/"), env=env,
                               memory_limit=case.memory_bytes() if case.limit_native else None)


def husk_command(husk: Path, accelerator: str, image: Path, case: Case, disk: str | None) -> list[str]:
    env = [word for variable in case.env for word in ("--env", variable)]
    cpus = ["--cpus", str(case.cpus)] if case.cpus != 1 else []
    file = f"{disk},queues={case.queues}" if case.queues != 1 else disk
    disks = ["--disk", f"{file}:{case.mount}" if case.mount else file] if disk else []
    return [str(husk), "run", "--accel", accelerator, *case.options, *cpus, *disks, *env, str(image), "--", *case.arguments()]


class Kvm:
    """`husk run` on this machine's /dev/kvm."""

    name = "kvm"

    def __init__(self, build: Path):
        self.build = build
        self.husk = build / "launcher/husk"

    def run(self, case: Case) -> Result:
        with case.scratch_disk() as disk:
            command = husk_command(self.husk, "kvm", case.image(self.build), case, disk)
            return case.check_disk(disk, run_process(command, case, 1.5 * case.timeout_s))
