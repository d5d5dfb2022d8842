#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""husk run --trace and --profile on real VMs: what is printed of which call, and where time is found.

usage: test_observing.py --build FOLDER

Under QEMU where there is no KVM; profiles need KVM.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kvm import accelerator, why_no_kvm
from tally import Tally

LIMIT_S = 120
HEAD = r"^\d+ +\d+\.\d{6} "
TIME = r" <\d+\.\d{6}>$"


def husk_run(husk: Path, options: list[str], image: Path, args: list[str]) -> tuple[int, str, str]:
    result = subprocess.run([str(husk), "run", "--accel", accelerator(), *options, str(image), "--", *args],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return result.returncode, result.stdout, result.stderr


def lacks(text: str, patterns: list[str]) -> str | None:
    """The first pattern that is not found, each behind the one before it."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.MULTILINE).search(text, at)
        if not found:
            return f"no {pattern!r} where it should be:\n{text}"
        at = found.end()
    return None


FILES = [
    HEAD + r'openat\(AT_FDCWD, "/not/there", O_RDONLY\) = -1 ENOENT \(No such file or directory\)' + TIME,
    HEAD + r'openat\(AT_FDCWD, "/tmp/traced", O_RDWR\|O_CREAT\|O_CLOEXEC, 0640\) = 3' + TIME,
    HEAD + r'write\(3, "tab\\there, and more than the thir"\.\.\., 58\) = 58' + TIME,
    HEAD + r'pread64\(3, "here, and more t", 16, 4\) = 16' + TIME,
    HEAD + r'(fstat\(3, |newfstatat\(3, "", ){st_mode=S_IFREG\|0640, st_size=58, \.\.\.}(, AT_EMPTY_PATH)?\) = 0' + TIME,
    HEAD + r"close\(3\) = 0" + TIME,
]
REST = [
    HEAD + r"socket\(AF_INET, SOCK_STREAM\|SOCK_CLOEXEC, IPPROTO_IP\) = 3" + TIME,
    HEAD + r'bind\(3, {sa_family=AF_INET, sin_port=htons\(8080\), sin_addr=inet_addr\("127\.0\.0\.1"\)}, 16\) = 0' + TIME,
    HEAD + r"rt_sigaction\(SIGUSR1, {sa_handler=0x[0-9a-f]+, sa_mask=\[USR1\], sa_flags=SA_RESTORER\|SA_RESTART}, "
           r"{sa_handler=SIG_DFL, .*}, 8\) = 0" + TIME,
    HEAD + r"tgkill\(1, 1, SIGUSR1\) = 0" + TIME,
    HEAD + r"--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=1} ---$",
    HEAD + r"rt_sigreturn\(\) = ",
    HEAD + r"clone3?\(.*CLONE_VM\|CLONE_FS\|CLONE_FILES\|CLONE_SIGHAND\|CLONE_THREAD.* = (\d+)",
    r"^(?!1 )\d+ +\d+\.\d{6} (clock_)?nanosleep\(.*{tv_sec=0, tv_nsec=20000000}",
]


def whole_trace(husk: Path, image: Path) -> str | None:
    status, out, err = husk_run(husk, ["--trace=syscalls"], image, [])
    if (status, out) != (3, "done\n"):
        return f"exit status {status}, stdout {out!r}; stderr:\n{err}"
    return lacks(err, [*FILES, *REST, HEAD + r'write\(1, "done\\n", 5\) = 5' + TIME, HEAD + r"exit_group\(3\) = \?$",
                       r"^\+\+\+ exited with 3 \+\+\+$"])


def chosen_calls(husk: Path, image: Path) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace"
        status, _, err = husk_run(husk, ["--trace", "syscalls:openat,pread64", "--trace-file", str(file)], image, [])
        text = file.read_text()
    calls = set(re.findall(r" (\w+)\(", text))
    if status != 3 or calls != {"openat", "pread64"} or "openat" in err:
        return f"exit status {status}, calls {calls}, stderr {err!r}"
    return lacks(text, [FILES[0], FILES[1], FILES[3]])


def last_calls_before_death(husk: Path, image: Path) -> str | None:
    # In a file: on stderr the guest's own words about its end may come in between.
    with tempfile.NamedTemporaryFile(prefix="husk-trace-", mode="r") as trace:
        status, _, err = husk_run(husk, ["--trace=syscalls", "--trace-file", trace.name], image, ["die"])
        if status != 139:
            return f"exit status {status}; stderr:\n{err}"
        calls = Path(trace.name).read_text()
    return lacks(calls, [*FILES, HEAD + r"--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10} ---$",
                       r"^\+\+\+ killed by SIGSEGV \+\+\+$"])


def call_that_never_returns(husk: Path, image: Path) -> str | None:
    """It is seen while it waits."""
    vm = subprocess.Popen([str(husk), "run", "--accel", accelerator(), "--trace=syscalls:pause,rt_sigsuspend", "--timeout", "60s",
                           str(image), "--", "wait"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for line in vm.stderr:
            if "pause" in line:
                return None if re.search(HEAD + r"pause\( <unfinished \.\.\.>$", line) else f"it says {line!r}"
        return "the call was never shown"
    finally:
        vm.kill()
        vm.wait()


def unread_trace(husk: Path, image: Path) -> str | None:
    """Nobody reads stderr: the VM ends all the same, by --timeout and by a second signal."""
    def start(*options: str) -> subprocess.Popen:
        return subprocess.Popen([str(husk), "run", "--accel", accelerator(), "--trace=syscalls", *options,
                                 str(image.parent / "stdin_copy")], stdin=open("/dev/zero", "rb"),
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    timed, told = start("--timeout", "1s"), start()
    try:
        if (status := timed.wait(LIMIT_S // 4)) != 124:
            return f"--timeout ends it with {status}"
        told.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        told.send_signal(signal.SIGTERM)
        if (status := told.wait(LIMIT_S // 4)) != 143:
            return f"two signals end it with {status}"
    except subprocess.TimeoutExpired:
        return f"{'two signals do' if timed.poll() else '--timeout does'} not end it"
    finally:
        timed.kill()
        told.kill()
    return None


def refusals(husk: Path, image: Path) -> str | None:
    wanted = {("--trace=syscalls:opne",): "no system call 'opne'", ("--trace=calls",): "nothing to trace",
              ("--trace-file=x",): "needs something to trace",
              ("--accel=qemu", "--profile=/dev/null"): "--profile needs KVM"}
    for options, words in wanted.items():
        result = subprocess.run([str(husk), "run", *options, str(image)], capture_output=True, text=True, check=False)
        if result.returncode != 64 or words not in result.stderr:
            return f"{options}: exit status {result.returncode}, {result.stderr!r}"
    return None


def shares(folded: str) -> dict[str, int]:
    """Samples by the functions that have a part in them."""
    total: dict[str, int] = {}
    for line in folded.splitlines():
        frames, count = line.rsplit(" ", 1)
        for frame in set(frames.split(";")):
            name = frame.replace("(anonymous namespace)::", "").split("(")[0].split("::")[-1] if not frame.startswith("[husk]") else frame
            total[name] = total.get(name, 0) + int(count)
    return total


def wrong_shares(folded: str, report: str) -> str | None:
    found = shares(folded)
    seven, three = found.get("seven_tenths", 0), found.get("three_tenths", 0)
    if seven + three < 100:
        return f"only {seven + three} samples:\n{folded}"
    if not 0.62 < seven / (seven + three) < 0.78:
        return f"{seven} and {three} samples, should be 70 to 30:\n{folded}"
    if not 0.2 < found.get("helper", 0) / (seven + three) < 0.48:
        return f"the thread of a third has {found.get('helper', 0)} of {seven + three}:\n{folded}"
    return lacks(report, [r"^threads$", r"helper", r"^functions", r"mix"])


def profile(husk: Path, image: Path) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profile"
        status, out, err = husk_run(husk, ["--profile", str(file)], image, ["4000"])
        if status != 0 or not out.startswith("done"):
            return f"exit status {status}, {out!r}, {err!r}"
        return wrong_shares(file.read_text(), (Path(folder) / "profile.txt").read_text())


class HangingProfile:
    """A profile whose process hangs, as a hostile image might make it; husk waits half a minute for it."""

    def __init__(self, husk: Path, image: Path):
        self.folder = tempfile.TemporaryDirectory()
        self.vm = subprocess.Popen([str(husk), "run", "--accel", "kvm", "--profile", f"{self.folder.name}/profile", str(image),
                                    "--", "8000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while not (children := Path(f"/proc/{self.vm.pid}/task/{self.vm.pid}/children").read_text().split()):
            time.sleep(0.001)
        os.kill(int(children[0]), signal.SIGSTOP)

    def verdict(self) -> str | None:
        try:
            said = self.vm.communicate(timeout=LIMIT_S)[1]
            return None if (self.vm.returncode, "no profile" in said) == (0, True) else f"{self.vm.returncode}, {said!r}"
        except subprocess.TimeoutExpired:
            self.vm.kill()
            self.vm.communicate()
            return "husk hangs with it"
        finally:
            self.folder.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    husk, traced, profiled = (build / part for part in ("launcher/husk", "tests/guest/traced", "tests/guest/profiled"))
    tally = Tally()
    hanging = None if why_no_kvm() else HangingProfile(husk, profiled)  # meanwhile the others
    for name, check in {"a whole trace": whole_trace, "chosen calls in a file": chosen_calls,
                        "the last calls before a death": last_calls_before_death,
                        "a call that never returns": call_that_never_returns,
                        "a trace that nobody reads": unread_trace, "refusals": refusals}.items():
        tally.record(name, check(husk, traced))
    if no_kvm := why_no_kvm():
        tally.skip("profiles", no_kvm, 2)
    else:
        tally.record("a profile whose process hangs", hanging.verdict())
        tally.record("a profile", profile(husk, profiled))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
