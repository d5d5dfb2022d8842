#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Standard streams of every kind: under `husk run` a program meets them just as it does as a Linux process.

usage: test_streams.py --build FOLDER
"""
import argparse
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from kvm import why_no_kvm
from tally import Tally

TIME_LIMIT_S = 30


def run_in_shell(script: str, program: list[str]) -> tuple[int, bytes]:
    """Exit status and what comes out of `script`, in which "$@" is the program."""
    result = subprocess.run(["bash", "-c", script, "sh", *program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, timeout=TIME_LIMIT_S, check=False)
    return result.returncode, result.stdout


def run_on_terminal(program: list[str]) -> tuple[int, bytes]:
    """The same with all streams on a terminal of 91 x 37; somebody types a line once the size has been printed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 37, 91, 0, 0))
    process = subprocess.Popen(program, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    signal.alarm(TIME_LIMIT_S)
    output, has_typed = b"", False
    try:
        while chunk := os.read(master, 4096):
            output += chunk
            if not has_typed and b"91 x 37" in output:
                os.write(master, b"typed\n")
                has_typed = True
    except OSError:  # the other end is closed
        pass
    signal.alarm(0)
    os.close(master)
    return process.wait(), output


SHELL_CASES = [
    ("stdin is a file", "terminal", '"$@" < "$TEXT"'),
    ("stdin is a file, read from its middle", "terminal", '{ head -c 5 >/dev/null; "$@"; } < "$TEXT"'),
    ("stdin is /dev/null", "terminal", '"$@" < /dev/null'),
    ("stdin is closed", "terminal", '"$@" <&-'),
    ("stdin is a slow pipe", "stdin_lines", '{ echo one; sleep 0.3; echo two; sleep 0.3; echo three; } | "$@"'),
    ("stdout is a file", "output_streams", 'f=$(mktemp); "$@" > $f; s=$?; cat $f; rm $f; exit $s'),
    ("stdout is a file, appended to", "hello_c", 'f=$(mktemp); echo a > $f; "$@" >> $f; cat $f; rm $f'),
    ("stdout and stderr are one pipe", "deep_recursion", '"$@" 2>/dev/null'),
    ("stdout is full", "terminal", '"$@" > /dev/full'),
    ("stdout is closed", "terminal", '"$@" >&-'),
    ("stdout is a pipe that nobody reads to the end", "output_streams", 'set -o pipefail; "$@" | head -n 1'),
    ("what is not read stays for the next", "exit_codes", '{ "$@" 0 > /dev/null; cat; } < "$TEXT"'),
    ("a reader that starts late", "output_streams", '"$@" | { sleep 0.3; cat; }'),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    tally = Tally()
    no_kvm = why_no_kvm()
    if no_kvm:
        tally.skip("streams", no_kvm, len(SHELL_CASES) + 1)
        return tally.finish()
    with tempfile.NamedTemporaryFile() as text:
        text.write(b"first line\nsecond line\n")
        text.flush()
        os.environ["TEXT"] = text.name
        for what, program, script in SHELL_CASES:
            native = [str(build / "tests/guest" / program)]
            guest = [str(build / "launcher/husk"), "run", "--accel", "kvm", *native]
            if "$@\" 0" in script:
                guest.append("--")
            compare(tally, what, lambda command: run_in_shell(script, command), native, guest)
    native = [str(build / "tests/guest/terminal")]
    compare(tally, "a terminal", run_on_terminal, native,
            [str(build / "launcher/husk"), "run", "--accel", "kvm", *native])
    return tally.finish()


def compare(tally: Tally, what: str, run, native: list[str], guest: list[str]) -> None:
    try:
        expected, got = run(native), run(guest)
    except subprocess.TimeoutExpired:
        tally.record(what, "hangs")
        return
    tally.record(what, None if got == expected else f"{show(got)} instead of {show(expected)}")


def show(result: tuple[int, bytes]) -> str:
    status, output = result
    return f"exit status {status} with {len(output)} bytes, {output[:200]!r}"


if __name__ == "__main__":
    sys.exit(main())
