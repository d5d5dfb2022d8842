#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a VM's network does against the same binary as a Linux process: one table with a bar for each figure, and JSON.

usage: net.py --build FOLDER --json FILE [--runs N] [--seconds S] [--accel kvm|qemu]
The process stands in a network namespace behind a veth pair, the VM behind a tap; they are measured in turn, by the same
client, server on CPU 0 and client on CPU 1. The user network is measured against QEMU's, both through a published port.
Figures are medians. --accel qemu only tries out the benchmark itself. Exit code 1 when a bar is missed.
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Callable, Iterator

sys.path.append(str(Path(__file__).resolve().parent.parent / "support"))
from kvm import why_no_kvm  # noqa: E402
from network_lab import LONG_S, NOT_ROOT, Namespace, comes_true, ending  # noqa: E402

CLIENT, SERVER, MAC = "10.9.0.1", "10.9.0.2", "52:54:00:00:00:02"
HTTP_PORT, SINK, SOURCE, ECHO = 8080, 5001, 5002, 5003
IDLE = 1000
STARTS = 5  # in each run

# Name, unit, sense of the bar (least or most), bar as a ratio to the other side.
RATIOS = [("keep", "HTTP keep-alive, 64 connections", "1/s", "least", 1.0),
          ("p99", "p99 latency at half of that load", "us", "most", 1.2),
          ("new", "a connection for each request", "1/s", "least", 0.8),
          ("out", "bulk TCP, guest to host", "MiB/s", "least", 0.8),
          ("in", "bulk TCP, host to guest", "MiB/s", "least", 0.8),
          ("echo", "UDP echo, one in flight", "us", "most", 2.0),
          ("user_keep", "user network against QEMU's: keep-alive", "1/s", "least", 1.0),
          ("user_out", "user network against QEMU's: guest to host", "MiB/s", "least", 1.0),
          ("user_in", "user network against QEMU's: host to guest", "MiB/s", "least", 1.0)]
# Name, unit, the most.
LIMITS = [("idle_kib", f"an idle connection of {IDLE}", "KiB", 16.0),
          ("first_static", "husk to the first HTTP answer, static address", "ms", 3.0),
          ("first_dhcp", "the same with DHCP", "ms", 10.0)]


def resident_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("Rss:")[1].split()[0])


class Bench:
    def __init__(self, options: argparse.Namespace):
        self.build = options.build.resolve()
        self.husk = self.build / "launcher/husk"
        self.service = self.build / "examples/service/service"
        self.peer = self.build / "tests/bench/net_peer"
        self.accelerator = options.accel
        self.seconds = options.seconds
        self.runs = options.runs
        self.figures: dict[str, dict[str, list[float]]] = {}

    def note(self, key: str, side: str, value: float) -> None:
        self.figures.setdefault(key, {}).setdefault(side, []).append(value)

    def client(self, space: Namespace, program: str, *words: object) -> dict[str, float]:
        command = ["taskset", "-c", "1", self.build / "tests/bench" / program, *words]
        result = space.run(*command, timeout_s=self.seconds * 4 + 3 * LONG_S)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))} ends with {result.returncode}: {result.stderr}")
        return json.loads(result.stdout)

    def wait_for(self, space: Namespace, port: int, address: str = SERVER) -> None:
        """Until a connection brings an answer: a user network accepts before the guest does. A sink only holds it."""
        probe = ("import socket,sys\ns=socket.create_connection((sys.argv[1],int(sys.argv[2])),1)\n"
                 "s.settimeout(1)\ns.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n"
                 f"try:\n    sys.exit(0 if s.recv(1) else 1)\nexcept TimeoutError:\n    sys.exit({int(port != SINK)})\n")
        if not comes_true(lambda: space.run(sys.executable, "-c", probe, address, port).returncode == 0, 3 * LONG_S):
            raise RuntimeError(f"nobody answers on port {port}")

    # ---- the two lives of the same binary

    @contextmanager
    def process(self, program: Path, *words: str, cpus: str = "0") -> Iterator[tuple[Namespace, subprocess.Popen, str]]:
        with Namespace("client") as space, Namespace("server") as other:
            space.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", other.name)
            for place, link, address in ((space, "v0", CLIENT), (other, "v1", SERVER)):
                place.ip("address", "add", f"{address}/24", "dev", link)
                place.ip("link", "set", link, "up")
            with ending(other.start("taskset", "-c", cpus, program, *words)) as server:
                yield space, server, SERVER

    @contextmanager
    def tap(self) -> Iterator[Namespace]:
        with Namespace("client") as space:
            space.add_tap("t0", f"{CLIENT}/24", flags=("vnet_hdr",))
            space.ip("neigh", "replace", SERVER, "lladdr", MAC, "dev", "t0")
            yield space

    def vm_words(self, network: str, program: Path, *words: str) -> list[str | Path]:
        return [self.husk, "run", "--accel", self.accelerator, "--net", network, program, "--", *words]

    @contextmanager
    def vm(self, program: Path, *words: str) -> Iterator[tuple[Namespace, subprocess.Popen, str]]:
        with self.tap() as space:
            command = self.vm_words(f"tap:t0,mac={MAC},ip={SERVER}/24,gateway={CLIENT}", program, *words)
            with ending(space.start("taskset", "-c", "0", *command)) as server:
                yield space, server, SERVER

    @contextmanager
    def behind_user_network(self, whose: str, program: Path, ports: list[int]) -> Iterator[tuple[Namespace, str]]:
        """whose: "vm" is ours; "native" stands for the other side, QEMU."""
        with Namespace("user") as space:
            if whose == "vm":
                published = [word for port in ports for word in ("--publish", f"127.0.0.1:{port}:{port}")]
                command = [self.husk, "run", "--accel", self.accelerator, "--net", "user", *published, program]
            else:
                accelerator = ["-accel", "kvm", "-cpu", "host"] if self.accelerator == "kvm" else [
                    "-accel", "tcg", "-cpu", "max"]
                forwarded = ",".join(f"hostfwd=tcp:127.0.0.1:{port}-:{port}" for port in ports)
                command = ["qemu-system-x86_64", "-M", "microvm,acpi=off", *accelerator, "-m", "256", "-nodefaults",
                           "-no-user-config", "-no-reboot", "-display", "none", "-serial", "null", "-global",
                           "virtio-mmio.force-legacy=false", "-netdev", f"user,id=n0,{forwarded}", "-device",
                           "virtio-net-device,netdev=n0", "-kernel", program, "-append", "husk.ip=eth0,dhcp"]
            with ending(space.start("taskset", "-c", "0", *command)):
                yield space, "127.0.0.1"

    # ---- what is measured

    def requests(self, side: str, life: Callable) -> None:
        with life(self.service, "--port", str(HTTP_PORT)) as (space, server, address):
            self.wait_for(space, HTTP_PORT)
            # Ports of connections that have just ended serve again.
            space.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1")
            keep = self.client(space, "net_requests", address, HTTP_PORT, "keep", 64, self.seconds)
            self.note("keep", side, keep["rate"])
            paced = self.client(space, "net_requests", address, HTTP_PORT, "keep", 64, self.seconds,
                                min(median(rates) for rates in self.figures["keep"].values()) / 2)
            self.note("p99", side, paced["p99_us"])
            self.note("new", side, self.client(space, "net_requests", address, HTTP_PORT, "new", 64, self.seconds)["rate"])
            if side == "vm":
                self.idle(space, server, address)

    def idle(self, space: Namespace, server: subprocess.Popen, address: str) -> None:
        before = resident_kib(server.pid)
        holder = subprocess.Popen(["ip", "netns", "exec", space.name, str(self.build / "tests/bench/net_transfers"), "idle",
                                   address, str(HTTP_PORT), str(IDLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        with ending(holder):
            if holder.stdout.readline() != "open\n":
                raise RuntimeError("the idle connections are not made")
            time.sleep(1)
            self.note("idle_kib", "vm", (resident_kib(server.pid) - before) / IDLE)

    def transfers(self, side: str, life: Callable) -> None:
        with life(self.peer) as (space, _, address):
            self.wait_for(space, SINK)
            self.note("in", side, self.client(space, "net_transfers", "send", address, SINK, self.seconds)["mib_per_s"])
            self.note("out", side, self.client(space, "net_transfers", "receive", address, SOURCE, self.seconds)["mib_per_s"])
            self.note("echo", side, self.client(space, "net_transfers", "echo", address, ECHO, self.seconds)["p50_us"])

    def user_network(self, side: str) -> None:
        with self.behind_user_network(side, self.service, [HTTP_PORT]) as (space, address):
            self.wait_for(space, HTTP_PORT, address)
            rate = self.client(space, "net_requests", address, HTTP_PORT, "keep", 16, self.seconds)["rate"]
            self.note("user_keep", side, rate)
        with self.behind_user_network(side, self.peer, [SINK, SOURCE]) as (space, address):
            self.wait_for(space, SOURCE, address)
            self.note("user_in", side, self.client(space, "net_transfers", "send", address, SINK, self.seconds)["mib_per_s"])
            self.note("user_out", side,
                      self.client(space, "net_transfers", "receive", address, SOURCE, self.seconds)["mib_per_s"])

    def first_answers(self) -> None:
        with self.tap() as space, tempfile.TemporaryDirectory() as folder:
            def first(network: str) -> float:
                command = self.vm_words(f"tap:t0,mac={MAC}{network}", self.service, "--port", str(HTTP_PORT))
                return self.client(space, "net_transfers", "first", SERVER, HTTP_PORT, "taskset", "-c", "0", *command)["ms"]

            for _ in range(STARTS):
                self.note("first_static", "vm", first(f",ip={SERVER}/24,gateway={CLIENT}"))
            with ending(space.start("dnsmasq", "--keep-in-foreground", "--port=0", "--interface=t0", "--bind-interfaces",
                                    "--dhcp-authoritative", "--no-ping", f"--dhcp-range={SERVER},{SERVER},1h",
                                    f"--dhcp-host={MAC},{SERVER}", f"--dhcp-leasefile={folder}/leases", "--conf-file=/dev/null",
                                    f"--pid-file={folder}/pid")):
                time.sleep(0.5)
                for _ in range(STARTS):
                    self.note("first_dhcp", "vm", first(""))

    def part(self, measure: Callable, *words: object) -> None:
        """What cannot be measured is said, and lacks in the table; the rest goes on."""
        try:
            measure(*words)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"NOT MEASURED {measure.__name__}: {error}", flush=True)

    def measure(self) -> None:
        for _ in range(self.runs):
            for side, life in (("native", self.process), ("vm", self.vm)):
                self.part(self.requests, side, life)
                self.part(self.transfers, side, life)
            for side in ("native", "vm"):
                self.part(self.user_network, side)
            self.part(self.first_answers)


def report(figures: dict[str, dict[str, list[float]]]) -> tuple[dict, bool]:
    """Prints the table. The figures by name, and whether a bar is missed, as one is that was not measured."""
    result, missed = {}, False

    def lacks(key: str, what: str, *sides: str) -> bool:
        if all(side in figures.get(key, {}) for side in sides):
            return False
        print(f"{what:45} not measured")
        return True

    for key, what, unit, sense, bar in RATIOS:
        if lacks(key, what, "native", "vm"):
            missed = True
            continue
        native, vm = (median(figures[key][side]) for side in ("native", "vm"))
        ratio = vm / native if native else float("inf")
        is_met = ratio >= bar if sense == "least" else ratio <= bar
        missed |= not is_met
        result[key] = {"native": native, "vm": vm, "unit": unit, "ratio": ratio, "bar": bar}
        print(f"{what:45} {ratio:6.2f} x  (VM {vm:.0f}, other {native:.0f} {unit})  bar {'>=' if sense == 'least' else '<='} "
              f"{bar} x  {'met' if is_met else 'missed'}")
    for key, what, unit, bar in LIMITS:
        if lacks(key, what, "vm"):
            missed = True
            continue
        value = median(figures[key]["vm"])
        missed |= value > bar
        result[key] = {"vm": value, "unit": unit, "bar": bar}
        print(f"{what:45} {value:6.2f} {unit}  bar <= {bar} {unit}  {'met' if value <= bar else 'missed'}")
    return result, missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--accel", choices=["kvm", "qemu"], default="kvm")
    options = parser.parse_args()
    no_kvm = why_no_kvm() if options.accel == "kvm" else None
    if os.geteuid() != 0 or no_kvm:
        sys.exit(f"bench: {no_kvm or NOT_ROOT}")
    bench = Bench(options)
    bench.measure()
    figures, missed = report(bench.figures)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"date": datetime.date.today().isoformat(), "kernel": platform.release(),
                                        "accelerator": options.accel, "runs": options.runs, "figures": figures},
                                       indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
