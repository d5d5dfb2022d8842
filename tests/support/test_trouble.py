#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest behind a bad line and before bad peers: no byte is lost or mixed up, nothing stalls once the trouble ends, no
memory leaks.

usage: test_trouble.py --build FOLDER [--long] [--only WORD]
In network namespaces of the test's own. --long: a million short connections, and more of everything.
"""
import argparse
import itertools
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, Iterator

from network_lab import LONG_S, NOT_ROOT, Namespace, accelerators, ending, next_line, started
from tally import Tally

HERE = Path(__file__).parent
HOST, GUEST = "10.9.0.1", "10.9.0.2"
# So many that no client's ports run out while its ended connections are remembered.
CLIENTS = [f"10.9.0.{number}" for number in range(11, 19)]
LINES = {
    "loss": ["loss=3"],
    "duplicates": ["duplicate=20"],
    "reordering": ["reorder=20"],
    "delay": ["delay=25"],
    "all of it": ["loss=2", "duplicate=5", "reorder=5", "delay=3"],
}
CHILDREN = {}  # by name: what runs in a process of its own in the namespace


def in_namespace(function: Callable[..., str | None]) -> Callable[..., str | None]:
    CHILDREN[function.__name__] = function
    return function


# ---- clients; each returns what is wrong

def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def connect(limit_s: float = LONG_S, client: str = "") -> socket.socket:
    return socket.create_connection((GUEST, 80), timeout=limit_s, source_address=(client, 0))


def read_answer(connection: socket.socket) -> bytes:
    """The body of the next answer."""
    text = b""
    while b"\r\n\r\n" not in text:
        if not (piece := connection.recv(65536)):
            raise ConnectionError("the connection ends in the head of an answer")
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    size = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    parts, got = [body], len(body)
    while got < size:
        if not (piece := connection.recv(1 << 18)):
            raise ConnectionError(f"the connection ends after {got} of {size} bytes")
        parts.append(piece)
        got += len(piece)
    return b"".join(parts)


def get(connection: socket.socket, path: object) -> bytes:
    connection.sendall(f"GET /{path} HTTP/1.1\r\n\r\n".encode())
    return read_answer(connection)


def wrong_answers(count: int = 20) -> str | None:
    """New connections, each with a question of its own."""
    for size in range(count):
        with connect() as one:
            if get(one, size * 100) != pattern(size * 100):
                return f"GET /{size * 100} brings wrong bytes"
    return None


def free_memory() -> int:
    with connect() as one:
        return int(get(one, "free"))


@in_namespace
def reset_often(count: int) -> str | None:
    for i in range(count):
        with connect() as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
            rude.sendall(b"GET /300000 HTTP/1.1\r\n\r\n")
            if i % 3 != 0:
                rude.recv(1000)
    return wrong_answers()


@in_namespace
def stop_reading(pause_s: int) -> str | None:
    size = 8_000_000
    with connect() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET /{size} HTTP/1.1\r\n\r\n".encode())
        end = time.monotonic() + pause_s
        while time.monotonic() < end:
            if wrong := wrong_answers(3):
                return wrong
        slow.settimeout(3 * LONG_S)
        return None if read_answer(slow) == pattern(size) else "after the pause wrong bytes come"


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def make_syn(source: int, port: int, sequence: int) -> bytes:
    """An IPv4 packet that asks for a connection to port 80, from an address where nobody is."""
    addresses = struct.pack(">4s4s", socket.inet_aton(f"10.9.{source // 250 % 200 + 20}.{source % 250 + 1}"),
                            socket.inet_aton(GUEST))
    tcp = struct.pack(">HHIIBBHHH", port, 80, sequence, 0, 5 << 4, 2, 65535, 0, 0)
    tcp = tcp[:16] + struct.pack(">H", checksum(addresses + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    return struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, addresses) + tcp


@in_namespace
def flood(count: int) -> str | None:
    before = free_memory()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for i in range(count):
            raw.sendto(make_syn(i, 1024 + i % 60000, i * 64000 & 0xFFFFFFFF), (GUEST, 0))
            if i % 500 == 0 and (wrong := wrong_answers(1)):
                return wrong
    if wrong := wrong_answers():
        return wrong
    lost = before - free_memory()
    return f"{count} requests for connections cost {lost} bytes" if lost > 64 << 20 else None


@in_namespace
def connect_often(count: int) -> str | None:
    """What the guest has free must not shrink with the number of connections that were."""
    if wrong := wrong_answers(600):  # what grows once has grown then
        return wrong
    before = free_memory()
    numbers = itertools.count()

    def some(client: str) -> str | None:
        while (i := next(numbers)) < count:
            with connect(client=client) as one:
                if get(one, i % 3000) != pattern(i % 3000):
                    return f"connection {i} brings wrong bytes"
        return None

    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        if wrong := [wrong for wrong in pool.map(some, CLIENTS) if wrong]:
            return wrong[0]
    lost = before - free_memory()
    return f"{count} connections cost {lost} bytes" if lost > 4 << 20 else None


@in_namespace
def stay_idle(count: int) -> str | None:
    """Each has asked once; they cost little, others are served meanwhile, and in the end all of them still answer."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
    before = free_memory()
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(client=CLIENTS[i % len(CLIENTS)])) for i in range(count)]
        for i, one in enumerate(idle):
            if get(one, i % 100) != pattern(i % 100):
                return f"connection {i} brings wrong bytes"
        time.sleep(3)
        each = (before - free_memory()) // count
        if wrong := wrong_answers():
            return wrong
        for i, one in enumerate(idle):
            if get(one, i % 100) != pattern(i % 100):
                return f"connection {i} brings wrong bytes after its rest"
    return f"an idle connection costs {each} bytes" if each > 16384 else None


@in_namespace
def hold_open(size: int) -> str | None:
    """A transfer during which the caller of this process makes trouble; the first line says that it goes on."""
    with connect(5 * LONG_S) as one:
        one.sendall(f"GET /{size} HTTP/1.1\r\n\r\n".encode())
        print("begun", flush=True)
        return None if read_answer(one) == pattern(size) else "wrong bytes come"


@in_namespace
def ask_again(_: int) -> str | None:
    return wrong_answers()


# ---- the tests

class NotHere(Exception):
    """What a test needs is not on this machine."""


class TroubleTests:
    def __init__(self, build: Path, folder: Path, is_long: bool):
        self.husk = build / "launcher/husk"
        self.service = build / "tests/guest/net_service"
        self.folder = folder
        self.is_long = is_long
        self.accelerator = accelerators()[0]
        self.tally = Tally()
        self.lines = itertools.count(1)

    @contextmanager
    def guest(self, *trouble: str, mtu: int = 1500) -> Iterator[tuple[Namespace, subprocess.Popen, subprocess.Popen]]:
        """A namespace, the bad line of its tap, and the VM behind that."""
        number = next(self.lines)
        path = self.folder / f"line{number}"
        with ExitStack() as stack:
            space = stack.enter_context(Namespace(f"trouble{number}"))
            space.add_tap("t0", f"{HOST}/24")
            space.ip("link", "set", "t0", "mtu", str(mtu))
            line = subprocess.Popen(["ip", "netns", "exec", space.name, sys.executable, "-B", str(HERE / "bad_line.py"),
                                     "t0", str(path), *trouble], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(ending(line))
            if next_line(line.stdout) != "ready\n":
                raise RuntimeError("the line does not start")
            network = f"stream:{path},ip={GUEST}/24,gateway={HOST}" + (f",mtu={mtu}" if mtu != 1500 else "")
            vm = started(space, self.husk, self.service, "--accel", self.accelerator, "--net", network)
            stack.enter_context(ending(vm))
            yield space, line, vm

    def change(self, line: subprocess.Popen, word: str) -> None:
        line.stdin.write(word + "\n")
        line.stdin.flush()

    def child(self, space: Namespace, name: str, argument: int, limit_s: float = 5 * LONG_S) -> str | None:
        result = space.run(sys.executable, "-B", __file__, "--child", name, argument, timeout_s=limit_s)
        return (result.stdout + result.stderr).strip()[-600:] or None

    def talks(self, space: Namespace, attempts: int = 30) -> str | None:
        result = space.run(sys.executable, "-B", HERE / "net_client.py", GUEST, 80, 7, "--attempts", attempts,
                           timeout_s=6 * LONG_S)
        return None if result.stdout == "right\n" else result.stdout + result.stderr

    def a_bad_line(self, *trouble: str) -> str | None:
        with self.guest(*trouble) as (space, _, _):
            return self.talks(space)

    def a_tiny_mtu(self) -> str | None:
        with self.guest("loss=1", mtu=576) as (space, _, _):
            return self.talks(space)

    def a_line_that_is_dead_for_a_while(self) -> str | None:
        """The transfer goes on soon after."""
        with self.guest("delay=1") as (space, line, _):
            transfer = space.start(sys.executable, "-B", __file__, "--child", "hold_open", 6_000_000)
            with ending(transfer):
                if next_line(transfer.stdout) != "begun\n":
                    return "the transfer does not begin"
                time.sleep(0.2)
                self.change(line, "loss=100")
                time.sleep(6)
                self.change(line, "loss=0")
                output, errors = transfer.communicate(timeout=4 * LONG_S)
            return (output + errors).strip() or self.child(space, "ask_again", 0)

    def clients_that_vanish(self) -> str | None:
        """In the middle of a transfer, without a word; others are served all the same, on the same line."""
        with self.guest() as (space, line, _):
            for _ in range(5):
                transfer = space.start(sys.executable, "-B", __file__, "--child", "hold_open", 8_000_000)
                with ending(transfer):
                    if next_line(transfer.stdout) != "begun\n":
                        return "the transfer does not begin"
                    self.change(line, "loss=100")
                    time.sleep(0.05)
                    transfer.kill()
                    transfer.wait()
                    # The end of the connection is lost too, and so is the answer to what the guest repeats.
                    space.run("ss", "-K", "dst", GUEST)
                    self.change(line, "loss=0")
                if wrong := self.child(space, "ask_again", 0):
                    return wrong
        return None

    @contextmanager
    def guest_on_a_tap(self, *netem: str) -> Iterator[tuple[Namespace, subprocess.Popen]]:
        """Without this test's line; `netem`: the kernel's own trouble on it."""
        with Namespace(f"tap{next(self.lines)}") as space:
            space.add_tap("t0", *(f"{address}/24" for address in [HOST, *CLIENTS]), flags=("vnet_hdr",))
            if netem and space.run("tc", "qdisc", "add", "dev", "t0", "root", "netem", *netem).returncode != 0:
                raise NotHere("this kernel has none")
            vm = started(space, self.husk, self.service, "--accel", self.accelerator, "--net",
                         f"tap:t0,ip={GUEST}/24,gateway={HOST}")
            with ending(vm):
                yield space, vm

    def ends_well(self, vm: subprocess.Popen) -> str | None:
        vm.terminate()
        return None if vm.wait(2 * LONG_S) == 0 else f"the VM ends with {vm.returncode}: {vm.stderr.read()}"

    def peers(self, name: str, argument: int) -> str | None:
        with self.guest() as (space, _, vm):
            return self.child(space, name, argument) or self.ends_well(vm)

    def on_a_tap(self, name: str, argument: int, limit_s: float = 5 * LONG_S) -> str | None:
        with self.guest_on_a_tap() as (space, vm):
            return self.child(space, name, argument, limit_s) or self.ends_well(vm)

    def netem(self) -> str | None:
        with self.guest_on_a_tap("delay", "3ms", "1ms", "loss", "2%", "duplicate", "2%", "reorder", "5%") as (space, _):
            return self.talks(space)

    def verdict(self, test: Callable[[], str | None]) -> tuple[str | None, str | None, float]:
        """What is wrong, why it cannot be said here, and how long it took in seconds."""
        begin, wrong, why_not = time.monotonic(), None, None
        try:
            wrong = test()
        except NotHere as reason:
            why_not = str(reason)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            wrong = f"{type(error).__name__}: {error}"
        return wrong, why_not, time.monotonic() - begin

    def all(self, only: str) -> int:
        factor = 10 if self.is_long else 1
        tests: dict[str, Callable[[], str | None]] = {
            f"a line with {name}": lambda trouble=trouble: self.a_bad_line(*trouble) for name, trouble in LINES.items()}
        tests |= {
            "a tiny MTU": self.a_tiny_mtu,
            "a line that is dead for a while": self.a_line_that_is_dead_for_a_while,
            "clients that vanish": self.clients_that_vanish,
            "resets": lambda: self.peers("reset_often", 100 * factor),
            "a peer that stops reading": lambda: self.peers("stop_reading", 3 * factor),
            "a flood of requests for connections": lambda: self.peers("flood", 5_000 * factor),
            "many short connections": lambda: self.on_a_tap("connect_often", 1_000_000 if self.is_long else 3_000,
                                                            20_000 if self.is_long else 5 * LONG_S),
            "10,000 idle connections": lambda: self.on_a_tap("stay_idle", 10_000),
            "tc netem": self.netem,
        }
        chosen = {what: test for what, test in tests.items() if only in what}
        # They mostly wait; the long ones are load.
        with ThreadPoolExecutor(1 if self.is_long else 2) as pool:
            for what, (wrong, why_not, seconds) in zip(chosen, pool.map(self.verdict, chosen.values())):
                if why_not:
                    self.tally.skip(what, why_not)
                else:
                    self.tally.record(what, wrong)
                    print(f"   {what}: {seconds:.1f} s", flush=True)
        return self.tally.finish()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="", help="only tests whose name has this in it")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "N"), help="only one client, from where this runs")
    options = parser.parse_args()
    if options.child:
        print(CHILDREN[options.child[0]](int(options.child[1])) or "", end="")
        return 0
    if os.geteuid() != 0:
        tally = Tally()
        tally.skip("trouble", NOT_ROOT)
        return tally.finish()
    with tempfile.TemporaryDirectory(prefix="husk-trouble-") as folder:
        return TroubleTests(options.build.resolve(), Path(folder), options.long).all(options.only)


if __name__ == "__main__":
    sys.exit(main())
