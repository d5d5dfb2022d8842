#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's gdb on VMs: breakpoints, steps, watchpoints, threads, AVX, Ctrl-C, kill, detach; at a crash; under QEMU.

usage: test_debug.py --build FOLDER
"""
import argparse
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from kvm import why_no_kvm
from tally import Tally
from test_crash_reports import in_order

LIMIT_S = 240  # on kvm-amd that is emulated, gdb itself takes a minute


class Run:
    """One VM that waits for gdb, and what came out of both."""

    def __init__(self, husk: Path, image: Path, options: list[str], args: list[str]):
        self.image = image
        self.vm = subprocess.Popen([str(husk), "run", *options, str(image), "--", *args], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = ""

    def address(self) -> str:
        """Where gdb is to connect, as the launcher says it."""
        for line in self.vm.stderr:
            self.said += line
            if found := re.search(r"target remote (\S+)", line):
                return found.group(1)
        raise RuntimeError(f"the launcher did not wait for gdb: {self.said}")

    def gdb(self, *commands: str, address: str | None = None, fds: tuple = ()) -> str:
        words = [word for command in (f"target remote {address or self.address()}", *commands) for word in ("-ex", command)]
        result = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set confirm off", *words, str(self.image)],
                                capture_output=True, text=True, timeout=LIMIT_S, check=False, pass_fds=fds)
        return result.stdout + result.stderr

    def end(self) -> tuple[int, str]:
        out, err = self.vm.communicate(timeout=LIMIT_S)
        return self.vm.returncode, self.said + out + err


def verdict(run: Run, text: str, patterns: list[str], status: int, out: str = "") -> str | None:
    got, said = run.end()
    if missing := in_order(patterns, text):
        return f"gdb's words lack {missing!r} where it should be:\n{text}"
    if got != status or out not in said:
        return f"exit status {got}, should be {status}; the VM said:\n{said}"
    return None


def whole_session(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--gdb", "0"], [])
    text = run.gdb("info symbol $pc", "break twice", "continue", "backtrace", "next", "finish", "delete",
                   "watch watched", "continue", "delete", "break vector_is_full", "continue", "print $ymm7.v8_float",
                   "break wait_for_nothing", "continue", "info threads", "thread 1", "backtrace 1", "delete",
                   "set var go_on = true", "continue")
    return verdict(run, text, [r"_start", r"Breakpoint 1, twice \(number=20\)", r"#1 .* main", r"return 2 \* number",
                               r"Value returned is .* 40", r"Old value = 20\s+New value = 1\s", r"\{1, 2, 3, 4, 5, 6, 7, 8.5\}",
                               r"wait_for_nothing", r"  1 .*Thread 1", r"\* 2 .*Thread 2", r"exited with code 07"],
                   7, "sum 42")


def interrupted_session(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--gdb", "0"], [])
    address = run.address()
    reader = run.vm.stdout
    # Ctrl-C by gdb's user once the guest has printed something, which is behind gdb's `continue`.
    command = f"python import os, signal, threading; threading.Thread(target=lambda: (os.read({reader.fileno()}, 64), " \
              "os.kill(os.getpid(), signal.SIGINT))).start()"
    text = run.gdb(command, "continue", "backtrace", "stepi", "stepi", "print watched", "set var go_on = true", "detach",
                   address=address, fds=(reader.fileno(),))
    return verdict(run, text, ["received signal SIGINT", r"#\d+ .*main", r"\$1 = 1", "detached"], 7, "sum 42")


def killed_session(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--gdb", "localhost:0"], [])
    return verdict(run, run.gdb("break main", "continue", "kill"), ["Breakpoint 1, main", "killed"], 137)


def crashed_session(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--gdb-on-crash", "0"], ["null"])
    text = run.gdb("backtrace", "print/x $rip", "continue")
    return verdict(run, text, [r"#0 .*die \(", r"#1 .*main", r"= 0x", "terminated with signal SIGSEGV"], 139, "SIGSEGV")


def faulting_session(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--gdb", "0"], ["null"])
    text = run.gdb("break main", "continue", "print (int)getpid()", "continue", "backtrace", "continue")
    return verdict(run, text, [r"\$1 = 1", "received signal SIGSEGV", r"#0 .*die \(", "terminated with signal SIGSEGV"],
                   139, "SIGSEGV")


def stopped_together(text: str) -> str | None:
    """What is wrong with values that gdb has printed twice while all vCPUs should stand still."""
    values = re.findall(r"^\$\d+ = (\d+)$", text, re.M)
    pairs = [values[i:i + 2] for i in range(0, len(values), 2)]
    if len(pairs) != 2 or any(len(pair) != 2 or pair[0] != pair[1] for pair in pairs):
        return f"a vCPU ran on while the debugger had stopped all: {values}\n{text}"
    return None


def session_of_two_vcpus(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--cpus", "2", "--gdb", "0"], [])
    twice = ["print visits[{0}]", "shell sleep 1", "print visits[{0}]"]
    text = run.gdb("break visit_second", "continue", "info threads", *(word.format(0) for word in twice), "delete",
                   "break visit_first", "continue", *(word.format(1) for word in twice), "delete",
                   "set var go_on = true", "continue")
    wrong = verdict(run, text, [r"Breakpoint 1, visit_second", r"  1 .*Thread 1", r"\* 2 .*Thread 2",
                                r"Breakpoint 2, visit_first", r"exited with code 07"], 7, "cpus 0 1")
    return wrong or stopped_together(text)


def crash_on_the_second_vcpu(husk: Path, image: Path) -> str | None:
    run = Run(husk, image, ["--accel", "kvm", "--cpus", "2"], ["die"])
    status, said = run.end()
    reports = len(re.findall("SIGSEGV", said))
    if status != 139 or reports != 1 or "visit_second" not in said or "second" not in said:
        return f"exit status {status} and {reports} reports; the VM said:\n{said}"
    return None


class Packets:
    """A debugger without gdb: its connection, and packets as bytes."""

    def __init__(self, address: str):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)

    def send(self, payload: str, behind: bytes = b"") -> None:
        self.socket.sendall(f"${payload}#{sum(payload.encode()) % 256:02x}".encode() + behind)

    def reply(self) -> str:
        text = b""
        while not (found := re.search(rb"\$([^#]*)#..", text)):
            if not (more := self.socket.recv(4096)):
                return "nothing"
            text += more
        self.socket.sendall(b"+")
        return found.group(1).decode()

    def ask(self, payload: str) -> str:
        self.send(payload)
        return self.reply()


def interrupted_at_once(husk: Path, image: Path) -> str | None:
    """Ctrl-C in the same segment as the packet that lets the guest go on."""
    run = Run(husk, image, ["--accel", "kvm", "--gdb", "0"], [])
    gdb = Packets(run.address())
    try:
        gdb.ask("?")
        gdb.send("vCont;c", behind=b"\x03")
        reply = gdb.reply()
        return None if reply.startswith("T02") else f"the guest stops with {reply}"
    except TimeoutError:
        return "the guest does not stop"
    finally:
        run.vm.kill()
        run.vm.communicate()


def another_debugger(husk: Path, image: Path) -> str | None:
    """strace holds the event loop back, so that it never sees what the first debugger sends while the guest stands."""
    run = Run(husk, image, ["--accel", "kvm", "--gdb", "0"], [])
    address = run.address()
    gdb = Packets(address)
    tracer = None
    try:
        gdb.ask("?")
        if not (reply := gdb.ask("vCont;s:1")).startswith("T05"):
            return f"a step ends with {reply}"
        threads = Path(f"/proc/{run.vm.pid}/task")  # KVM's own have another name
        [loop] = {int(thread.name) for thread in threads.iterdir() if (thread / "comm").read_text() == "husk\n"} - {run.vm.pid}
        tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", "trace=epoll_wait", "-e",
                                   "inject=epoll_wait:delay_enter=500000", "-p", str(loop)], stderr=subprocess.DEVNULL)
        while "TracerPid:\t0\n" in Path(f"/proc/{loop}/status").read_text():
            time.sleep(0.01)
        if (reply := gdb.ask("D")) != "OK":
            return f"detaching is answered by {reply}"
        gdb = Packets(address)
        reply = gdb.ask("?")
        return None if reply.startswith("T05") else f"the second debugger is told {reply}"
    except TimeoutError:
        return "nobody answers the second debugger"
    finally:
        run.vm.kill()
        run.vm.communicate()
        if tracer is not None:
            tracer.wait()


def qemu_session(husk: Path, image: Path) -> str | None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    run = Run(husk, image, ["--accel", "qemu", "--gdb", str(port)], [])
    # gdb tries again until QEMU listens.
    text = run.gdb("hbreak twice", "continue", "backtrace", "delete", "set var go_on = true", "continue",
                   address=f"localhost:{port}")
    return verdict(run, text, [r"Breakpoint 1, twice \(number=20\)", r"#1 .* main"], 7, "sum 42")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    husk, debugged, deaths = build / "launcher/husk", build / "tests/guest/debugged", build / "tests/guest/deaths"
    vcpus = build / "tests/guest/debugged_vcpus"
    tally = Tally()
    on_kvm = {"a whole session": (whole_session, debugged), "Ctrl-C, steps and detach": (interrupted_session, debugged),
              "kill": (killed_session, debugged),
              "Ctrl-C together with a packet": (interrupted_at_once, debugged),
              "another debugger": (another_debugger, debugged), "a crash": (crashed_session, deaths),
              "a call and a fault": (faulting_session, deaths), "two vCPUs": (session_of_two_vcpus, vcpus),
              "a crash on the second of two vCPUs": (crash_on_the_second_vcpu, vcpus)}
    if no_kvm := why_no_kvm():
        tally.skip("gdb", no_kvm, len(on_kvm))
        on_kvm = {}
    elif shutil.which("strace") is None:
        tally.skip("another debugger", "there is no strace")
        del on_kvm["another debugger"]
    for name, (session, image) in (on_kvm | {"under QEMU": (qemu_session, debugged)}).items():
        tally.record(name, session(husk, image))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
