#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Redis in the table of apps.py: requests over a network, the time to the first answer, resident memory.

As a program, inside of a network namespace: redis_rows.py pong HOST PORT, which prints the moment of the first PONG, and
redis_rows.py start FILE COMMAND..., which writes the moment at which it becomes COMMAND: going into a namespace takes time too.
"""
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from namespaces import Network

PORT, LONG_S = 6379, 60
# The server, with all threads of its VM, has one CPU and the client another, as in net.py.
ON_SERVER_CPU, ON_CLIENT_CPU = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
QUIET = ["--protected-mode", "no", "--save", ""]
# (key, name, words of redis-benchmark, bar as a ratio VM/native)
LOADS = [("get", "redis-benchmark GET, 50 clients", ["-t", "get", "-P", "1"], 1.0),
         ("set", "the same, SET", ["-t", "set", "-P", "1"], 1.0),
         ("get_16", "the same, GET, pipeline 16", ["-t", "get", "-P", "16"], 1.2),
         ("set_16", "the same, SET, pipeline 16", ["-t", "set", "-P", "16"], 1.2)]


def connect_at_last(host: str, port: int) -> socket.socket | None:
    """A lost SYN is repeated after a second only: so there is a new attempt all the time, and the first that succeeds counts."""
    pause_s, most_attempts = 0.0002, 256
    attempts: list[socket.socket] = []
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        attempt = socket.socket()
        attempt.setblocking(False)
        attempt.connect_ex((host, port))
        attempts.append(attempt)
        if len(attempts) > most_attempts:
            attempts.pop(0).close()
        for one in select.select([], attempts, [], pause_s)[1]:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                one.setblocking(True)
                return one
            attempts.remove(one)
            one.close()
            time.sleep(pause_s)
    return None


def first_pong(host: str, port: int) -> int:
    """The moment of the first PONG, in ns of CLOCK_MONOTONIC, which all namespaces share."""
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        one = connect_at_last(host, port)
        try:
            # A user network accepts before the guest does, and hangs up.
            if one and one.sendall(b"PING\r\n") is None and one.recv(7) == b"+PONG\r\n":
                return time.monotonic_ns()
        except OSError:
            pass
    sys.exit("bench: Redis does not answer")


def resident_mib(pid: int) -> float:
    return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def rate(space: str, tool: Path, host: str, port: int, words: list[str], requests: int) -> float:
    command = [*ON_CLIENT_CPU, tool, "-h", host, "-p", port, "-c", 50, "-n", requests, "--csv", *words]
    result = subprocess.run(Network.inside(space, command), capture_output=True, text=True, check=False, timeout=600)
    found = re.search(r'^"(?:GET|SET)","([\d.]+)"', result.stdout, re.MULTILINE)
    if not found:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
    return float(found[1])


def measure(network: Network, side: str, command: list, folder: Path, place: tuple[str, int], requests: int) -> dict[str, float]:
    """One server on one side, started anew. `folder` holds Redis' programs, `place` is where the client finds it."""
    host, port = place
    space = network.server if side == "native" else network.client
    # The waiting client runs before the server does: its own start must not be measured.
    pinger = subprocess.Popen(network.inside(network.client, [*ON_CLIENT_CPU, sys.executable, "-B", __file__, "pong", host, str(port)]),
                              stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    begun = tempfile.NamedTemporaryFile(prefix="husk-bench-")
    server = subprocess.Popen(network.inside(space, [*ON_SERVER_CPU, sys.executable, "-B", __file__, "start", begun.name, *command]),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        said = pinger.communicate(timeout=LONG_S + 5)[0]
        if not said:
            sys.exit(f"bench: no answer from {' '.join(map(str, command))}")
        figures = {"pong_ms": (int(said) - int(begun.read())) / 1e6, "resident_mib": resident_mib(server.pid)}
        for key, _, words, _ in LOADS:
            figures[key] = rate(network.client, folder / "redis-benchmark", host, port, words,
                                requests * (4 if words[-1] == "16" else 1))
    finally:
        server.kill()
        server.wait()
        pinger.kill()
        pinger.wait()
    return figures


def start(file: str, command: list[str]) -> None:
    Path(file).write_text(str(time.monotonic_ns()))
    os.execvp(command[0], command)


if __name__ == "__main__":
    if sys.argv[1] == "pong":
        print(first_pong(sys.argv[2], int(sys.argv[3])))
    else:
        start(sys.argv[2], sys.argv[3:])
