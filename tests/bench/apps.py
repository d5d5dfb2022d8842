#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of others, natively and in a VM in turn: Redis' requests, first answer and memory; SQLite, Lua and zstd.

usage: apps.py --build FOLDER --json FILE [--runs N] [--requests N] [--size N] [--accel qemu]
The programs are those of examples/apps. Redis is asked over a veth natively and over a tap in the VM, in network namespaces of
the benchmark's own; --requests and --size make both shorter where all is slow. With --accel qemu everything runs once, in QEMU
behind the user network and with few requests: that shows that the benchmark works, its figures say nothing. Exit code 1 when a
bar is missed.
"""
import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from statistics import median

import redis_rows
from disk import build_speedtest, output, runs_per_minute
from namespaces import Network

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
BARS = [(key, what, "1/s", bar) for key, what, _, bar in redis_rows.LOADS]
BARS += [("sqlite", "SQLite's speedtest1, file system in memory", "1/min", 1.0),
         ("lua", "Lua, trees and patterns", "rounds/s", 0.98), ("zstd_in", "zstd -3, compress", "MB/s", 0.98),
         ("zstd_out", "zstd -3, decompress", "MB/s", 0.98)]
FIRST_PONG_MS, RESIDENT_FACTOR, RESIDENT_MORE_MIB = 5, 1.3, 4
PUBLISHED = 16379  # on the loopback interface of the client's namespace, for QEMU


def zstd_rates(text: str) -> tuple[float, float]:
    """MB/s in and out; the progress line is written over and over, its last form has both."""
    found = re.findall(r"([\d.]+) MB/s,? +([\d.]+) MB/s", text)[-1]
    return float(found[0]), float(found[1])


def compute(before: list, apps: Path, speedtest: Path, size: str) -> dict[str, float]:
    """Rates of one side; `before` are the words in front of a program and its arguments."""
    words = lambda program, *arguments: [*before, program, *(["--"] if before else []), *arguments]
    zstd = zstd_rates(output(*words(apps / "zstd/programs/zstd", "-b3", "-i1"), errors=True))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        place = "/tmp" if before else memory
        sqlite = runs_per_minute(*words(speedtest, "--size", size, f"{place}/speed.db"))
    return {"lua": float(output(*words(apps / "lua5.4/lua", "-e", LUA))), "zstd_in": zstd[0], "zstd_out": zstd[1],
            "sqlite": sqlite}


def rows_of(native: dict[str, float], guest: dict[str, float]) -> list[tuple]:
    """(what, figure, unit, bar, met, comment)"""
    rows = [(what, guest[key] / native[key], "x", bar, guest[key] / native[key] >= bar,
             f"{guest[key]:.1f} against {native[key]:.1f} {unit}") for key, what, unit, bar in BARS]
    most = RESIDENT_FACTOR * native["resident_mib"] + RESIDENT_MORE_MIB
    return rows + [("Redis, from husk run to the first PONG", guest["pong_ms"], "ms", FIRST_PONG_MS,
                    guest["pong_ms"] <= FIRST_PONG_MS, f"natively {native['pong_ms']:.1f} ms; static address"),
                   ("Redis, empty: resident memory", guest["resident_mib"], "MiB", most, guest["resident_mib"] <= most,
                    f"natively {native['resident_mib']:.1f} MiB")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, help="to Redis for each load, four times as many with a pipeline")
    parser.add_argument("--size", help="of SQLite's speedtest1")
    parser.add_argument("--accel", choices=["kvm", "qemu"], default="kvm")
    options = parser.parse_args()
    trial = options.accel == "qemu"
    if not trial and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        sys.exit("bench: needs /dev/kvm with permission to use it")
    if os.geteuid() != 0:
        sys.exit("bench: needs root for its network namespaces")
    output(HERE.parent / "support/apps.sh", options.build, "--only-build", "lua5.4", "zstd", "redis")
    apps, speedtest = options.build / "apps", build_speedtest(options.build)
    size, requests = options.size or ("1" if trial else "20"), options.requests or (1000 if trial else 200_000)
    redis = apps / "redis/src"
    vm = [options.build / "launcher/husk", "run", "--accel", options.accel, "--memory", "512M"]
    static = f"{Network.VM}/24,gateway={Network.VM_CLIENT}"
    wire = (["--net", "user,ip=10.0.2.15/24,gateway=10.0.2.2", "--publish", f"127.0.0.1:{PUBLISHED}:{redis_rows.PORT}"]
            if trial else ["--net", f"tap:{Network.TAP},mac={Network.VM_MAC},ip={static}"])
    place = ("127.0.0.1", PUBLISHED) if trial else (Network.VM, redis_rows.PORT)
    runs: dict[str, list[dict]] = {"native": [], "vm": []}
    with Network() as network:
        for _ in range(1 if trial else options.runs):
            runs["native"].append(compute([], apps, speedtest, size) | redis_rows.measure(
                network, "native", [redis / "redis-server", *redis_rows.QUIET], redis, (Network.NATIVE, redis_rows.PORT), requests))
            runs["vm"].append(compute(vm, apps, speedtest, size) | redis_rows.measure(
                network, "vm", [*vm, *wire, redis / "redis-server", "--", *redis_rows.QUIET], redis, place, requests))
    native, guest = ({key: median(run[key] for run in runs[side]) for key in runs[side][0]} for side in ("native", "vm"))
    rows = rows_of(native, guest)
    for what, figure, unit, bar, met, comment in rows:
        print(f"{what:44}{figure:8.2f} {unit:4} bar {bar:.2f}  {'met' if met else 'missed':7} {comment}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"runs": options.runs, "accel": options.accel, "native": native, "vm": guest}, indent=2) + "\n")
    if trial:
        print("bench: a trial under QEMU; these figures say nothing")
        return 0
    return 0 if all(row[4] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
