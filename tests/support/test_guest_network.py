#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The guest's TCP/IP stack and virtio-net driver against the host's: transfers both ways, datagrams, addresses by
setting and DHCP; on a tap, on the user network, and under QEMU with its own virtio-net.

usage: test_guest_network.py --build FOLDER
"""
import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from kvm import why_no_kvm
from network_lab import LONG_S, Namespace
from tally import Tally

PATTERN = bytes(range(251))
LARGE = 20_000_000


def pattern(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def patiently(connect: Callable[[], http.client.HTTPConnection]) -> http.client.HTTPConnection:
    """A connection, once somebody listens."""
    end = time.monotonic() + LONG_S
    while True:
        try:
            return connect()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def talk(host: str, port: int, udp_port: int, large: int = LARGE, mtu: int = 0) -> str | None:
    """What is wrong with the service at that address; None when nothing is. mtu: the guest's; 0: not asked for."""
    def connect() -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, port, timeout=LONG_S)
        connection.connect()
        return connection

    connection = patiently(connect)
    for size in (0, 1, 1448, 65537, large):
        connection.request("GET", f"/{size}")
        body = connection.getresponse().read()
        if body != pattern(size):
            return f"GET /{size} brings {len(body)} bytes, or wrong ones"
    for size in (1, 100_000, large):
        body = pattern(size)
        connection.request("POST", "/", body=body)
        answer = connection.getresponse().read().decode().split()
        if [int(word) for word in answer if word.isdigit()][:2] != [size, sum(body)]:
            return f"POST of {size} bytes is answered by {answer}"
    if mtu:
        connection.request("GET", "/mtu")
        answer = connection.getresponse().read().decode()
        if answer != f"{mtu} {mtu - (48 if ':' in host else 28)}":  # the headers of IP and UDP
            return f"the MTU and the longest segment are {answer}"
    many = [connect() for _ in range(20)]
    for number, one in enumerate(many):
        one.request("GET", f"/{number * 1000}")
    for number, one in enumerate(many):
        if one.getresponse().read() != pattern(number * 1000):
            return f"connection {number} of 20 brings wrong bytes"
    if udp_port:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(LONG_S)
            udp.connect((host, udp_port))
            for size in (1, 1400, 4000):  # the last comes in fragments
                udp.send(pattern(size))
                if udp.recv(65536) != pattern(size):
                    return f"a datagram of {size} bytes comes back changed"
    return None


class GuestNetworkTests:
    def __init__(self, build: Path, folder: Path):
        self.husk = build / "launcher/husk"
        self.service = build / "tests/guest/net_service"
        self.folder = folder
        self.tally = Tally()

    def check(self, what: str, test: Callable[[], str | None]) -> None:
        try:
            wrong = test()
        except (RuntimeError, OSError, subprocess.SubprocessError, http.client.HTTPException) as error:
            wrong = f"{type(error).__name__}: {error}"
        self.tally.record(what, wrong)

    @contextmanager
    def running(self, *command: str | Path) -> Iterator[subprocess.Popen]:
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                yield process
            finally:
                process.terminate()
                process.wait(LONG_S)

    def talk_in(self, space: Namespace, host: str, mtu: int = 0) -> str | None:
        result = space.run(sys.executable, "-B", __file__, "--talk", host, "--mtu", mtu,
                           timeout_s=8 * LONG_S)
        return result.stdout.strip() + result.stderr.strip() or None

    def on_a_tap(self, network: str, host: str, *addresses: str, mtu: int = 1500) -> str | None:
        with Namespace("guest") as space:
            space.ip("tuntap", "add", "t0", "mode", "tap", "vnet_hdr")
            for address in addresses:
                space.ip("addr", "add", address, "dev", "t0", "nodad")
            space.ip("link", "set", "t0", "up")
            vm = space.start(self.husk, "run", "--net", f"tap:t0,{network}", self.service)
            try:
                return self.talk_in(space, host, mtu)
            finally:
                vm.terminate()
                vm.wait(LONG_S)

    def on_the_user_network(self) -> str | None:
        port = free_port()
        with self.running(self.husk, "run", "--net", "user", "--publish", f"127.0.0.1:{port}:80", self.service):
            return talk("127.0.0.1", port, 0)

    def qemu(self, network: str, setting: str, device: str = "", is_on_kvm: bool = False) -> list[str | Path]:
        machine = ["-accel", "kvm", "-cpu", "host"] if is_on_kvm else ["-accel", "tcg", "-cpu", "max"]
        return ["qemu-system-x86_64", "-M", "microvm,acpi=off", *machine, "-m", "256",
                "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
                "-global", "virtio-mmio.force-legacy=false", "-netdev", network,
                "-device", f"virtio-net-device,netdev=n0{device}", "-kernel", self.service,
                "-append", f"husk.ip=eth0,{setting}"]

    def under_qemu(self, is_on_kvm: bool = False) -> str | None:
        port = free_port()
        with self.running(*self.qemu(f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:80", "dhcp", is_on_kvm=is_on_kvm)):
            time.sleep(1.5)  # QEMU answers in the guest's place, and repeats what it missed after seconds only
            return talk("127.0.0.1", port, 0, LARGE // 10)

    def on_a_tap_under_qemu(self, setting: str, host: str, address: str, device: str = "",
                            least_frame: int = 0) -> str | None:
        """The host's kernel judges checksums and large frames. `least_frame`: bytes of the guest's frames on average."""
        with Namespace("qemu") as space:
            space.ip("tuntap", "add", "t0", "mode", "tap", "vnet_hdr")
            space.ip("addr", "add", address, "dev", "t0", "nodad")
            space.ip("link", "set", "t0", "up")
            vm = space.start(*self.qemu("tap,id=n0,ifname=t0,script=no,downscript=no,vnet_hdr=on", setting, device))
            try:
                wrong = self.talk_in(space, host)
                seen = json.loads(space.ip("-s", "-j", "link", "show", "t0"))[0]["stats64"]["rx"]
            finally:
                vm.terminate()
                vm.wait(LONG_S)
            average = seen["bytes"] // max(seen["packets"], 1)
            return wrong or (f"frames have {average} bytes" if average < least_frame else None)

    def on_several_queues_under_qemu(self) -> str | None:
        """A thread on each of two vCPUs; QEMU tells how many buffers of which queue it has used."""
        with Namespace("queues") as space:
            space.ip("tuntap", "add", "t0", "mode", "tap", "vnet_hdr", "multi_queue")
            space.ip("addr", "add", "10.77.0.1/24", "dev", "t0")
            space.ip("link", "set", "t0", "up")
            monitor = self.folder / "monitor"
            words = self.qemu("tap,id=n0,ifname=t0,queues=2,script=no,downscript=no,vnet_hdr=on", "10.77.0.2/24", ",mq=on")
            words[-1] += " -- 80 7 2"
            vm = space.start(*words, "-smp", "2", "-monitor", f"unix:{monitor},server=on,wait=off")
            try:
                return self.talk_in(space, "10.77.0.2") or self.stays_on_its_queues(space, Monitor(monitor))
            finally:
                vm.terminate()
                vm.wait(LONG_S)

    @staticmethod
    def stays_on_its_queues(space: Namespace, monitor: "Monitor") -> str | None:
        requests = 300
        for cpu in (0, 1, 0):
            asking = space.run(sys.executable, "-B", __file__, "--ask", f"10.77.0.2:{80 + cpu}", str(10), timeout_s=60)
            before = monitor.used_buffers()
            asking = space.run(sys.executable, "-B", __file__, "--ask", f"10.77.0.2:{80 + cpu}", str(requests), timeout_s=60)
            if asking.returncode != 0:
                return asking.stderr
            rises = [(after - first) % 65536 for first, after in zip(before, monitor.used_buffers(), strict=True)]
            own, other = rises[2 * cpu:2 * cpu + 2], rises[2 - 2 * cpu:4 - 2 * cpu]
            # The first segments of a connection go by what its hash's queue was before.
            if min(own) < requests or max(other) > requests // 10:
                return f"{requests} requests to a thread on CPU {cpu} use {rises} buffers of receive and send queues"
        return None

    def run(self) -> int:
        no_kvm = why_no_kvm()
        if no_kvm:
            self.tally.skip("the guest's network under husk", no_kvm, 3)
        else:
            self.check("IPv4 on a tap", lambda: self.on_a_tap("ip=10.77.0.2/24", "10.77.0.2", "10.77.0.1/24"))
            self.check("IPv6 on a tap", lambda: self.on_a_tap("ip=fd77::2/64", "fd77::2", "fd77::1/64"))
            self.check("a small MTU", lambda: self.on_a_tap("ip=10.77.0.2/24,mtu=600", "10.77.0.2", "10.77.0.1/24", mtu=600))
            self.check("the user network, by DHCP", self.on_the_user_network)
        # Its timer fires as soon as it is set, where QEMU's own emulation takes its time.
        if no_kvm or not {"svm", "vmx"} & set(Path("/proc/cpuinfo").read_text().split()):
            self.tally.skip("the guest's network under QEMU on KVM", no_kvm or "KVM has neither VMX nor SVM below it", 1)
        else:
            self.check("QEMU's virtio-net on KVM, by DHCP", lambda: self.under_qemu(is_on_kvm=True))
        self.check("QEMU's virtio-net, by DHCP", self.under_qemu)
        self.check("large frames over IPv4 on QEMU's tap",
                   lambda: self.on_a_tap_under_qemu("10.77.0.2/24", "10.77.0.2", "10.77.0.1/24", least_frame=4000))
        self.check("large frames over IPv6 on QEMU's tap",
                   lambda: self.on_a_tap_under_qemu("fd77::2/64", "fd77::2", "fd77::1/64", least_frame=4000))
        self.check("a device without offloads",
                   lambda: self.on_a_tap_under_qemu("10.77.0.2/24", "10.77.0.2", "10.77.0.1/24",
                                                    ",csum=off,gso=off,guest_csum=off,mrg_rxbuf=off"))
        self.check("a device that does not merge buffers",
                   lambda: self.on_a_tap_under_qemu("10.77.0.2/24", "10.77.0.2", "10.77.0.1/24", ",mrg_rxbuf=off"))
        self.check("a pair of queues for each vCPU on QEMU's tap", self.on_several_queues_under_qemu)
        return self.tally.finish()


class Monitor:
    """QEMU's monitor."""

    def __init__(self, path: Path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LONG_S)
        self.socket.connect(str(path))
        self.read()
        self.device = re.search(r"\n(/\S+) \[virtio-net\]", self.ask("info virtio"))[1]

    def read(self) -> str:
        text = ""
        while not text.endswith("(qemu) "):
            text += self.socket.recv(65536).decode()
        return text

    def ask(self, command: str) -> str:
        self.socket.sendall(command.encode() + b"\n")
        return self.read()

    def used_buffers(self) -> list[int]:
        """Of the queues of two pairs, modulo 65536."""
        states = [self.ask(f"info virtio-queue-status {self.device} {queue}") for queue in range(4)]
        return [int(re.search(r"used_idx:\s+(\d+)", state)[1]) for state in states]


def ask(address: str, count: int) -> None:
    host, port = address.split(":")
    connection = patiently(lambda: connected(host, int(port)))
    for _ in range(count):
        connection.request("GET", "/100")
        if connection.getresponse().read() != pattern(100):
            raise RuntimeError("wrong bytes")


def connected(host: str, port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, port, timeout=LONG_S)
    connection.connect()
    return connection


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--talk", metavar="HOST", help="only talk to a service, from where this runs")
    parser.add_argument("--ask", nargs=2, metavar=("ADDRESS", "COUNT"), help="only ask it for 100 bytes, COUNT times")
    parser.add_argument("--mtu", type=int, default=0, help="what the service talked to should say of its network")
    options = parser.parse_args()
    if options.ask:
        ask(options.ask[0], int(options.ask[1]))
        return 0
    if options.talk:
        print(talk(options.talk, 80, 7, mtu=options.mtu) or "", end="")
        return 0
    if os.getuid() != 0:
        print("SKIPPED test_guest_network: network namespaces need root\n0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return GuestNetworkTests(options.build.resolve(), Path(folder)).run()


if __name__ == "__main__":
    sys.exit(main())
