# SPDX-License-Identifier: Apache-2.0
"""What network tests share: network namespaces of their own, VMs in them, and waiting that ends."""
import os
import re
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Callable, Iterator

from kvm import why_no_kvm

# Longer than any step takes; a hang ends with it. An emulated machine asks for more patience.
LONG_S = 20 * int(os.environ.get("HUSK_TEST_PATIENCE", "1"))
NOT_ROOT = "*** NOT ROOT: NO NETWORK NAMESPACE COULD BE MADE ***"


def accelerators() -> list[str]:
    """What `--accel` can be here; QEMU always can."""
    return ["qemu"] if why_no_kvm() else ["kvm", "qemu"]


def comes_true(holds: Callable[[], bool], limit_s: float = LONG_S) -> bool:
    """Whether `holds` does so in time."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False


def next_line(stream: IO[str], limit_s: float = LONG_S) -> str:
    """The next line of a process that is about to write one; empty when it does not."""
    return stream.readline() if select.select([stream], [], [], limit_s)[0] else ""


class Namespace:
    """A network namespace with loopback up; gone at the end of `with`, and every process in it."""

    def __init__(self, name: str):
        self.name = f"husk-test-{os.getpid()}-{name}"

    def __enter__(self) -> "Namespace":
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        pids = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False).stdout
        for pid in pids.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def processes(self, name: str) -> list[Path]:
        """The folders in /proc of those that run a program of this name here."""
        pids = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True).stdout
        found = []
        for folder in (Path("/proc") / pid for pid in pids.split()):
            try:
                if (folder / "comm").read_text().strip() == name:
                    found.append(folder)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended since
        return found

    def ip(self, *words: str) -> str:
        return subprocess.run(["ip", "-n", self.name, *words], capture_output=True, text=True, check=True).stdout

    def has(self, interface: str) -> bool:
        return subprocess.run(["ip", "-n", self.name, "link", "show", interface], capture_output=True,
                              check=False).returncode == 0

    def interfaces(self) -> list[str]:
        return re.findall(r"^\d+: ([^:@]+)", self.ip("-o", "link"), re.MULTILINE)

    def add_tap(self, name: str, *addresses: str, flags: tuple[str, ...] = ()) -> None:
        """A tap that is there before the VM, with the host's addresses on it."""
        self.ip("tuntap", "add", name, "mode", "tap", *flags)
        for address in addresses:
            self.ip("address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
        self.ip("link", "set", name, "up")

    def run(self, *words: str | Path | int, timeout_s: float = LONG_S) -> subprocess.CompletedProcess:
        return subprocess.run(["ip", "netns", "exec", self.name, *map(str, words)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)

    def start(self, *words: str | Path | int) -> subprocess.Popen:
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def ending(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    """A process that does not outlive `with`."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(LONG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def started(space: Namespace, husk: Path, image: Path, *options: str, arguments: tuple[str, ...] = (),
            ready: str = "ready\n") -> subprocess.Popen:
    """A VM that has said that it is ready."""
    process = space.start(husk, "run", *options, image, "--", *arguments)
    line = next_line(process.stdout)
    if line != ready:
        process.kill()
        raise RuntimeError(f"the guest says {line!r}: {process.stderr.read()}")
    return process
