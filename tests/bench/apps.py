#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of others, natively and in a VM in turn: Lua and zstd compute; Redis answers first, and is small.

usage: apps.py --build FOLDER --json FILE [--runs N]
The programs are those of examples/apps. Exit code 1 when a bar is missed.
"""
import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
# How often a second a binary tree is built and counted, and a string searched; measured inside, without the start.
LUA = """
local function tree(d) return d > 0 and {tree(d - 1), tree(d - 1)} or {} end
local function nodes(t) return #t == 0 and 1 or 1 + nodes(t[1]) + nodes(t[2]) end
local text, rounds, begin = ("the quick brown fox "):rep(500), 0, os.clock()
repeat rounds = rounds + 1; nodes(tree(12)); text:gsub("%w+", string.upper) until os.clock() - begin > 1
print(rounds / (os.clock() - begin))
"""
# (key, what, unit, bar as a ratio VM/native)
BARS = [("lua", "Lua, trees and patterns", "rounds/s", 0.98),
        ("zstd_in", "zstd -3, compress", "MB/s", 0.98),
        ("zstd_out", "zstd -3, decompress", "MB/s", 0.98)]
FIRST_PONG_MS, RESIDENT_FACTOR, RESIDENT_MORE_MIB = 5, 1.3, 4


def output(command: list) -> str:
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout + result.stderr


def compute(before: list, apps: Path) -> dict[str, float]:
    """Rates of one side; `before` are the words in front of a program and its arguments."""
    words = lambda program, *arguments: [*before, apps / program, *(["--"] if before else []), *arguments]
    # The progress line is written over and over; its last form has both rates.
    zstd = re.findall(r"([\d.]+) MB/s, +([\d.]+) MB/s", output(words("zstd/programs/zstd", "-b3", "-i1")))[-1]
    return {"lua": float(output(words("lua5.4/lua", "-e", LUA))), "zstd_in": float(zstd[0]), "zstd_out": float(zstd[1])}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for_pong(port: int, until: float) -> float:
    """The moment of the first PONG."""
    while time.perf_counter() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as one:
                one.sendall(b"PING\r\n")
                if one.recv(7) == b"+PONG\r\n":
                    return time.perf_counter()
        except OSError:
            pass
        time.sleep(0.0002)
    sys.exit("bench: Redis does not answer")


def redis(command: list, port: int) -> dict[str, float]:
    """Starts one server; milliseconds to its first PONG, and MiB that its process then holds."""
    begin = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        pong = wait_for_pong(port, begin + 20)
        resident = int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])
    finally:
        process.kill()
        process.wait()
    return {"pong_ms": (pong - begin) * 1e3, "resident_mib": resident / 1024}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        sys.exit("bench: needs /dev/kvm with permission to use it")
    output([HERE.parent / "support/apps.sh", options.build, "--only-build", "lua5.4", "zstd", "redis"])
    apps, vm = options.build / "apps", [options.build / "launcher/husk", "run", "--accel", "kvm", "--memory", "512M"]
    server, quiet = apps / "redis/src/redis-server", ["--protected-mode", "no", "--save", ""]
    runs: dict[str, list[dict]] = {"native": [], "vm": []}
    for _ in range(options.runs):
        port, inner = free_port(), free_port()
        runs["native"].append(compute([], apps) | redis([server, "--port", port, *quiet], port))
        network = ["--net", "user,ip=10.0.2.15/24,gateway=10.0.2.2", "--publish", f"127.0.0.1:{inner}:6379"]
        runs["vm"].append(compute(vm, apps) | redis([*vm, *network, server, "--", *quiet], inner))
    native, guest = ({key: median(run[key] for run in runs[side]) for key in runs[side][0]} for side in ("native", "vm"))
    rows = [(what, guest[key] / native[key], "x", bar, guest[key] / native[key] >= bar,
             f"{guest[key]:.1f} against {native[key]:.1f} {unit}") for key, what, unit, bar in BARS]
    most = RESIDENT_FACTOR * native["resident_mib"] + RESIDENT_MORE_MIB
    rows += [("Redis, from husk run to the first PONG", guest["pong_ms"], "ms", FIRST_PONG_MS,
              guest["pong_ms"] <= FIRST_PONG_MS, f"natively {native['pong_ms']:.1f} ms; user network, static address"),
             ("Redis, empty: resident memory", guest["resident_mib"], "MiB", most, guest["resident_mib"] <= most,
              f"natively {native['resident_mib']:.1f} MiB")]
    for what, figure, unit, bar, met, comment in rows:
        print(f"{what:40}{figure:8.2f} {unit:4} bar {bar:.2f}  {'met' if met else 'missed':7} {comment}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"runs": options.runs, "native": native, "vm": guest}, indent=2) + "\n")
    return 0 if all(row[4] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
