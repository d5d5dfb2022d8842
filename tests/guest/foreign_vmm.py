# SPDX-License-Identifier: Apache-2.0
"""QEMU -M microvm without our launcher: the image boots by PVH under software emulation.

stdout is the first serial port, stderr a debug console. On a second debug console the guest says how it ended and when
it waits for stdin, which it gets over the second serial port. docs/boot-protocol.md describes ports and encoding.
"""
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

from cases import Case, Result

STDERR_PORT, STATUS_PORT, CONTROL_PORT = 0x402, 0x403, 0x2F8
SLOWDOWN = 4  # of software emulation, for time limits


def encode(word: str) -> str:
    """Words that survive a kernel command line: percent-encoded bytes; the empty word is a lone %."""
    return quote(word.encode(), safe="/=:,.+-_@") or "%"


def append_line(case: Case) -> str:
    words = [f"husk.stderr={STDERR_PORT:#x}", f"husk.status={STATUS_PORT:#x}", f"husk.control={CONTROL_PORT:#x}",
             "husk.streams=pipe,pipe,pipe", "husk.argv0=" + encode(case.program),
             "husk.cwd=" + encode(case.option("--cwd", "/"))]
    words += ["husk.mount=" + encode(f"vda:{case.mount}")] if case.mount else []
    words += ["husk.hostname=" + encode(case.option("--hostname", ""))] if "--hostname" in case.options else []
    words += ["husk.env=" + encode(variable) for variable in case.env]
    return " ".join(words + ["--"] + [encode(argument) for argument in case.arguments()])


class Conversation:
    """Answers the guest's `read N` lines with stdin and remembers its `exit N`, `signal N` or `panic`."""

    def __init__(self, status: socket.socket, control: socket.socket, stdin: bytes):
        self.status = status
        self.control = control
        self.stdin = stdin
        self.exit_status = -1  # until the guest says
        self.thread = threading.Thread(target=self.talk, daemon=True)
        self.thread.start()

    def talk(self) -> None:
        with self.status.makefile("rb") as lines:
            for line in lines:
                word, _, number = line.decode(errors="replace").strip().partition(" ")
                value = int(number) if number.isdigit() else 0
                if word == "read":
                    self.answer(value)
                elif word in ("exit", "signal"):
                    self.exit_status = value + (128 if word == "signal" else 0)

    def answer(self, size: int) -> None:
        piece, self.stdin = self.stdin[:size], self.stdin[size:]
        self.control.sendall(b"I" + len(piece).to_bytes(2, "little") + piece if piece else b"E")


class ForeignVmm:
    """Runs tests in QEMU; the machine has no device of ours, but QEMU's own virtio-blk for a test that wants a disk."""

    name = "qemu"

    def __init__(self, build: Path):
        self.build = build

    def command(self, folder: Path, case: Case, status: int, control: int, disk: str | None) -> list[str]:
        # With a disk QEMU adds a word to the kernel line that says where it is.
        machine = "microvm,acpi=off" if disk else "microvm,auto-kernel-cmdline=off"
        # No tables either.
        machine += ",acpi=off" if case.cpu_model != "max" or case.absent_cpus else ""
        disks = ["-global", "virtio-mmio.force-legacy=false", "-drive", f"file={disk},if=none,id=disk,format=raw",
                 "-device", f"virtio-blk-device,drive=disk,num-queues={case.queues}"] if disk else []
        smp = f"{case.cpus - case.absent_cpus},cores={case.cpus},maxcpus={case.cpus}"
        # One line for each notification of a queue.
        disks += ["-trace", "virtio_queue_notify", "-D", str(folder / "notified")] if case.queues != 1 else []
        return ["qemu-system-x86_64", "-M", machine, *disks, "-accel", "tcg", "-cpu", case.cpu_model,
                "-smp", smp, "-m", f"{case.memory_bytes() >> 20}", "-nodefaults", "-no-user-config", "-no-reboot",
                "-display", "none", "-kernel", str(case.image(self.build)), "-append", append_line(case),
                "-serial", f"file:{folder / 'stdout'}",
                "-chardev", f"file,id=err,path={folder / 'stderr'}",
                "-device", f"isa-debugcon,iobase={STDERR_PORT:#x},chardev=err",
                "-chardev", f"socket,id=status,fd={status}",
                "-device", f"isa-debugcon,iobase={STATUS_PORT:#x},chardev=status",
                "-chardev", f"socket,id=control,fd={control}",
                "-device", f"isa-serial,iobase={CONTROL_PORT:#x},irq=3,chardev=control",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]

    def run(self, case: Case) -> Result:
        status, their_status = socket.socketpair()
        control, their_control = socket.socketpair()
        inherited = (their_status.fileno(), their_control.fileno())
        with tempfile.TemporaryDirectory(prefix="husk-qemu-") as name, status, control, case.scratch_disk() as disk:
            folder = Path(name)
            command = self.command(folder, case, *inherited, disk)
            begin = time.monotonic()
            qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, pass_fds=inherited)
            their_status.close()
            their_control.close()
            conversation = Conversation(status, control, case.stdin)
            try:
                _, complaint = qemu.communicate(timeout=SLOWDOWN * case.timeout_s)
                timed_out = False
            except subprocess.TimeoutExpired:
                qemu.kill()
                _, complaint = qemu.communicate()
                timed_out = True
            conversation.thread.join(timeout=5)
            out, err = (path.read_bytes() if path.exists() else b"" for path in (folder / "stdout", folder / "stderr"))
            result = case.check_disk(disk, Result(None if timed_out else conversation.exit_status, out, err + complaint,
                                                shlex.join(command), time.monotonic() - begin))
            if case.queues != 1:
                text = (folder / "notified").read_text()
                unused = [str(queue) for queue in range(case.queues) if f" n {queue} " not in text]
                result.damage += f"queues that were never used: {', '.join(unused)}" if unused else ""
            return result
