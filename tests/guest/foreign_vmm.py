# SPDX-License-Identifier: Apache-2.0
"""QEMU -M microvm without our launcher: the image boots by PVH under software emulation.

stdout is the first serial port; stderr and the exit status come over two debug consoles; stdin goes in over the second
serial port. docs/boot-protocol.md describes the ports and the encoding.
"""
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from cases import Case, Result

STDERR_PORT, EXIT_PORT = 0x402, 0x403
SLOWDOWN = 4  # of software emulation, for time limits


def encode(word: str) -> str:
    """Words that survive a kernel command line: percent-encoded bytes; the empty word is a lone %."""
    return quote(word.encode(), safe="/=:,.+-_@") or "%"


def append_line(case: Case) -> str:
    words = [f"husk.stderr={STDERR_PORT:#x}", f"husk.exit={EXIT_PORT:#x}",
             "husk.cwd=" + encode(case.option("--cwd", "/"))]
    words += ["husk.env=" + encode(variable) for variable in case.env]
    return " ".join(words + ["--"] + [encode(argument) for argument in case.arguments()])


def control_records(stdin: bytes) -> bytes:
    """What the second serial port carries: 'I', a length byte and that much input; 'E' at the end of input."""
    pieces = [stdin[i:i + 255] for i in range(0, len(stdin), 255)]
    return b"".join(b"I" + bytes([len(piece)]) + piece for piece in pieces) + b"E"


def exit_status(line: bytes) -> int:
    """The status in the record that the guest leaves: "exit N" or "signal N"."""
    words = line.decode(errors="replace").split()
    if len(words) != 2 or words[0] not in ("exit", "signal") or not words[1].isdigit():
        return -1
    return int(words[1]) + (128 if words[0] == "signal" else 0)


class ForeignVmm:
    """Runs tests in QEMU; the machine has no device of ours."""

    name = "qemu"

    def __init__(self, programs: Path):
        self.programs = programs

    def command(self, folder: Path, case: Case) -> list[str]:
        def channel(name: str, device: str, more: str = "") -> list[str]:
            return ["-chardev", f"file,id={name},path={folder / name}{more}", "-device", f"{device},chardev={name}"]

        return ["qemu-system-x86_64", "-M", "microvm,isa-serial=off,rtc=on", "-accel", "tcg", "-cpu", "max",
                "-m", f"{case.memory_bytes() >> 20}", "-nodefaults", "-no-user-config", "-no-reboot",
                "-display", "none", "-kernel", str(self.programs / case.program), "-append", append_line(case),
                *channel("stdout", "isa-serial,iobase=0x3f8,irq=4"),
                *channel("stderr", f"isa-debugcon,iobase={STDERR_PORT:#x}"),
                *channel("exit", f"isa-debugcon,iobase={EXIT_PORT:#x}"),
                *channel("control", "isa-serial,iobase=0x2f8,irq=3", f",input-path={folder / 'stdin'}"),
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]

    def run(self, case: Case) -> Result:
        with tempfile.TemporaryDirectory(prefix="husk-qemu-") as name:
            folder = Path(name)
            (folder / "stdin").write_bytes(control_records(case.stdin))
            command = self.command(folder, case)
            begin = time.monotonic()
            try:
                qemu = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                                      timeout=SLOWDOWN * case.timeout_s)
                complaint, timed_out = qemu.stderr, False
            except subprocess.TimeoutExpired as late:
                complaint, timed_out = late.stderr or b"", True
            out, err, ending = (self.content(folder / part) for part in ("stdout", "stderr", "exit"))
            status = None if timed_out else exit_status(ending)
            return Result(status, out, err + complaint, shlex.join(command), time.monotonic() - begin)

    @staticmethod
    def content(path: Path) -> bytes:
        return path.read_bytes() if path.exists() else b""
