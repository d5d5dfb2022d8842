#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""husk-user-net, the process behind `husk run --net user`: what a guest reaches through it and what reaches the guest
while it is in its sandbox, and what becomes of it when it does what the sandbox forbids.

usage: test_user_network.py --build FOLDER
Without KVM the guest runs under QEMU, whose frames go to the same process. In network namespaces of the test's own.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, Iterator

from kvm import why_no_kvm
from network_lab import LONG_S, NOT_ROOT, Namespace, comes_true, ending, next_line
from tally import Tally

HERE = Path(__file__).parent
RESOLVERS = Path("/etc/netns")  # `ip netns exec` puts what is there in /etc's place
MANY = " ".join(sorted(f"192.0.2.{number}" for number in range(100, 200)))
PUBLISHED = ("tcp=127.0.0.1:8080:80", "udp=127.0.0.1:8007:7")
AT_ONCE = """
import socket
clients = [socket.socket() for _ in range(100)]
for one in clients:
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", 8080))
for one in clients:
    one.settimeout(30)
    one.sendall(b"GET /1 HTTP/1.1\\r\\n\\r\\n")
for one in clients:
    if not one.recv(100).startswith(b"HTTP/1.1 200"):
        print("no answer")
names, numbers = [line.split() for line in open("/proc/net/netstat") if line.startswith("TcpExt")]
print("overflows:", numbers[names.index("ListenOverflows")])
"""

LEAVES = """
import socket
def ask(size):
    client = socket.create_connection(("127.0.0.1", 8080), 30)
    client.sendall(b"GET /%d HTTP/1.1\\r\\n\\r\\n" % size)
    return client, client.recv(100)
for _ in range(5):
    client, _ = ask(30_000_000)
    client.recv(2_000_000, socket.MSG_WAITALL)
    client.close()
print("right" if ask(1)[1].startswith(b"HTTP/1.1 200") else "no answer")
"""

READS_LATE = """
import socket, time
client = socket.create_connection(("127.0.0.1", 8080), 30)
client.sendall(b"GET /60000 HTTP/1.1\\r\\n\\r\\n")
time.sleep(1)
print("waits", flush=True)
time.sleep(1)
answer = b""
while more := client.recv(1000):
    answer += more
print(len(answer.partition(b"\\r\\n\\r\\n")[2]))
"""


def target_of(link: Path) -> str | None:
    try:
        return os.readlink(link)
    except FileNotFoundError:  # the file was closed since
        return None


@contextmanager
def name_server_of_host(space: Namespace) -> Iterator[None]:
    """A name server on the namespace's loopback, which its /etc/resolv.conf names."""
    folder = RESOLVERS / space.name
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    try:
        with ending(space.start(sys.executable, "-B", HERE / "dns_server.py", "127.0.0.1")) as server:
            if next_line(server.stdout) != "ready\n":
                raise RuntimeError(f"the name server does not start: {server.stderr.read()}")
            yield
    finally:
        (folder / "resolv.conf").unlink()
        folder.rmdir()


class UserNetworkTests:
    def __init__(self, build: Path):
        self.husk = build / "launcher/husk"
        self.helper = build / "launcher/husk-user-net"
        self.programs = build / "tests/guest"
        self.tally = Tally()
        self.no_kvm = why_no_kvm()

    def check(self, what: str, test: Callable[[], str | None]) -> None:
        try:
            wrong = test()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            wrong = f"{type(error).__name__}: {error}"
        self.tally.record(what, wrong)

    @contextmanager
    def guest(self, space: Namespace, program: str, *arguments: str) -> Iterator[subprocess.Popen]:
        """A VM behind husk-user-net with published ports, under husk or QEMU; its stdout is the program's."""
        image = self.programs / program
        with ExitStack() as stack:
            if self.no_kvm is None:
                ports = [word for port in PUBLISHED
                         for word in ("--publish", port[4:] + ("/udp" if port.startswith("udp") else ""))]
                command = [self.husk, "run", "--accel", "kvm", "--net", "user", *ports, image, "--", *arguments]
                yield stack.enter_context(ending(space.start(*command)))
                return
            ours, theirs = (stack.enter_context(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            for end in (ours, theirs):
                end.set_inheritable(True)
            process = subprocess.Popen(
                ["ip", "netns", "exec", space.name, "bash", "-c", f'exec "$@" 3<&{theirs.fileno()}', "bash",
                 str(self.helper), *PUBLISHED], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=(theirs.fileno(),))
            stack.enter_context(ending(process))
            theirs.close()
            qemu = ["qemu-system-x86_64", "-M", "microvm,acpi=off", "-accel", "tcg", "-cpu", "max", "-m", "256",
                    "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
                    "-global", "virtio-mmio.force-legacy=false",
                    "-netdev", f"dgram,id=n0,local.type=fd,local.str={ours.fileno()}",
                    "-device", "virtio-net-device,netdev=n0", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                    "-kernel", str(image), "-append", " ".join(["husk.ip=eth0,dhcp", "--", *arguments])]
            vm = subprocess.Popen(qemu, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  pass_fds=(ours.fileno(),))
            yield stack.enter_context(ending(vm))

    def names_are_found(self) -> str | None:
        """Datagrams and, for the long answer, TCP, to the host's name server."""
        with Namespace("names") as space, name_server_of_host(space):
            with self.guest(space, "name_lookup", "one.test", "both.test", "none.test", "many.test") as vm:
                output, errors = vm.communicate(timeout=4 * LONG_S)
        expected = ("nameserver 10.0.2.3\none.test: 192.0.2.1\nboth.test: 192.0.2.2 2001:db8::2\n"
                    f"none.test: Name or service not known\nmany.test: {MANY}\n")
        right = output.replace("\r", "").endswith(expected)
        return None if right else f"it says {output!r} {errors!r}"

    def published_ports_lead_to_the_guest(self) -> str | None:
        with Namespace("ports") as space, self.guest(space, "net_service") as vm:
            if next_line(vm.stdout, 2 * LONG_S).strip() != "ready":
                return "the guest does not start"

            def answers() -> bool:
                return space.run("curl", "-s", "-m", "2", "-o", "/dev/null", "http://127.0.0.1:8080/1").returncode == 0

            if not comes_true(answers, 2 * LONG_S):
                return "nobody answers"
            client = space.run(sys.executable, "-B", HERE / "net_client.py", "127.0.0.1", 8080, 8007, timeout_s=4 * LONG_S)
            if client.stdout != "right\n":
                return client.stdout + client.stderr
            helpers = space.processes("husk-user-net")
            return self.is_confined(helpers[0]) if len(helpers) == 1 else f"{len(helpers)} processes of husk-user-net"

    def many_clients_come_at_once(self) -> str | None:
        """Nobody has to try again, which would take seconds: the host's listen queue never overflows."""
        with Namespace("many") as space, self.guest(space, "net_service") as vm:
            if next_line(vm.stdout, 2 * LONG_S).strip() != "ready":
                return "the guest does not start"
            result = space.run(sys.executable, "-B", "-c", AT_ONCE, timeout_s=4 * LONG_S)
            return None if result.stdout == "overflows: 0\n" else result.stdout + result.stderr

    def a_client_leaves_in_the_middle(self) -> str | None:
        """Its connection ends, and nothing else: the process sends to nobody without dying of it."""
        with Namespace("leaves") as space, self.guest(space, "net_service") as vm:
            if next_line(vm.stdout, 2 * LONG_S).strip() != "ready":
                return "the guest does not start"
            result = space.run(sys.executable, "-B", "-c", LEAVES, timeout_s=4 * LONG_S)
            return None if result.stdout == "right\n" else result.stdout + result.stderr

    def the_last_bytes_arrive(self) -> str | None:
        """The VM ends when the process has all of an answer, of which its client has not read anything and the host's
        kernel has no room for most; nothing holds the published port afterwards."""
        with Namespace("last") as space, self.guest(space, "net_service") as vm:
            for name in ("tcp_wmem", "tcp_rmem"):
                space.run("sysctl", "-q", "-w", f"net.ipv4.{name}=4096 4096 4096")
            if next_line(vm.stdout, 2 * LONG_S).strip() != "ready":
                return "the guest does not start"
            with ending(space.start(sys.executable, "-B", "-c", READS_LATE)) as client:
                if next_line(client.stdout).strip() != "waits":
                    return f"the client fails: {client.stderr.read()}"
                vm.terminate()
                status = vm.wait(LONG_S)
                left = space.processes("husk-user-net")
                arrived = next_line(client.stdout).strip()
            return None if (status, left, arrived) == (0, [], "60000") else f"{status}, left: {left}, arrived: {arrived}"

    def is_confined(self, process: Path) -> str | None:
        """After all that work it still is what it was made."""
        facts = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
        expected = {"Uid": "65534", "Gid": "65534", "Groups": "", "CapEff": "0", "CapPrm": "0", "CapBnd": "0",
                    "NoNewPrivs": "1", "Seccomp": "2"}
        for name, value in expected.items():
            words = set(facts[name].split())
            if {word.lstrip("0") or "0" for word in words} != ({value} if value else set()):
                return f"{name} is {facts[name].strip()}"
        unexpected = [str(fd) for fd in map(target_of, (process / "fd").iterdir())
                      if fd is not None and not fd.startswith(("socket:", "/dev/null", "pipe:", "/dev/pts", "anon_inode:"))]
        return f"open files: {unexpected}" if len(unexpected) > 1 else None  # stderr may be one

    def inherited_descriptors_are_closed(self) -> str | None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs, open("/dev/zero", "rb") as left_open:
            process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3<&{theirs.fileno()} 9<&{left_open.fileno()}', "bash", str(self.helper)],
                stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), left_open.fileno()))
            with ending(process):
                theirs.close()
                folder = Path("/proc") / str(process.pid)
                entered = comes_true(lambda: "Seccomp:\t2" in (folder / "status").read_text())
                opened = {os.readlink(fd) for fd in (folder / "fd").iterdir()}
                if not entered or "/dev/zero" in opened:
                    return f"in its sandbox: {entered}; open: {opened}"
                ours.close()
                return None if process.wait(LONG_S) == 0 else f"it ends with {process.returncode}"

    def a_violation_is_a_sentence(self) -> str | None:
        """The kernel ends the process by SIGSYS; the launcher says so, and the VM goes on without its link."""
        with Namespace("sys") as space, self.guest(space, "net_service") as vm:
            if next_line(vm.stdout).strip() != "ready":
                return "the guest does not start"
            (helper,) = space.processes("husk-user-net")
            os.kill(int(helper.name), signal.SIGSYS)
            line = next_line(vm.stderr)
            if "the user network" not in line or "sandbox forbids" not in line or "link is down" not in line:
                return f"it says {line!r}"
            vm.terminate()
            return None if vm.wait(LONG_S) == 0 else f"the VM ends with {vm.returncode}"

    def its_end_under_qemu_is_a_sentence(self) -> str | None:
        """Said once, by the launcher, which is not QEMU's part of it; an end in good order is not said."""
        with Namespace("end") as space:
            def life(ends_early: bool) -> tuple[int, str]:
                command = [self.husk, "run", "--accel", "qemu", "--net", "user", self.programs / "net_service"]
                with ending(space.start(*command)) as vm:
                    if next_line(vm.stdout, 2 * LONG_S).strip() != "ready":
                        raise RuntimeError("the guest does not start")
                    said = ""
                    if ends_early:
                        (helper,) = space.processes("husk-user-net")
                        os.kill(int(helper.name), signal.SIGKILL)
                        said = next_line(vm.stderr)
                    vm.terminate()
                    status = vm.wait(2 * LONG_S)
                    return status, said + vm.stderr.read()

            expected = ("husk: the user network of eth0 is gone, since its process was ended by signal 9: nothing comes or "
                        "goes by it any more\n")
            early, late = life(True), life(False)
            return None if early == (0, expected) and late == (0, "") else f"{early}, {late}"

    def run(self) -> int:
        self.check("inherited descriptors are closed", self.inherited_descriptors_are_closed)
        self.check("names are found through the host's name server", self.names_are_found)
        self.check("published ports lead to the guest", self.published_ports_lead_to_the_guest)
        self.check("many clients come at once", self.many_clients_come_at_once)
        self.check("a client leaves in the middle", self.a_client_leaves_in_the_middle)
        self.check("its end under QEMU is a sentence", self.its_end_under_qemu_is_a_sentence)
        if self.no_kvm:
            self.tally.skip("the VM's own end", self.no_kvm, 2)
        else:
            self.check("the last bytes arrive", self.the_last_bytes_arrive)
            self.check("a violation is a sentence", self.a_violation_is_a_sentence)
        return self.tally.finish()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    tests = UserNetworkTests(parser.parse_args().build.resolve())
    if os.geteuid() != 0:
        tests.tally.skip("the user network", NOT_ROOT)
        return tests.tally.finish()
    return tests.run()


if __name__ == "__main__":
    sys.exit(main())
