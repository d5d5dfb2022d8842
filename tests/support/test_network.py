#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks of the host under `husk run --net`: what it makes is there while the VM runs and gone afterwards, however
that ends. All in network namespaces of the test's own.

usage: test_network.py --build FOLDER
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from kvm import why_no_kvm
from network_lab import LONG_S, NOT_ROOT, Namespace, accelerators, comes_true, ending, next_line, started
from tally import Tally


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KiB at `folder`."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


class NetworkTests:
    def __init__(self, build: Path, folder: Path):
        self.husk = build / "launcher/husk"
        self.service = build / "tests/guest/net_service"
        self.lookup = build / "tests/guest/name_lookup"
        self.mdns = build / "tests/guest/mdns"
        self.folder = folder
        self.tally = Tally()

    def started(self, space: Namespace, *options: str) -> subprocess.Popen:
        """A VM that has said that it is ready."""
        return started(space, self.husk, self.service, *options)

    def check(self, what: str, test: Callable[[], str | None]) -> None:
        try:
            wrong = test()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            wrong = str(error)
        self.tally.record(what, wrong)

    def taps_go_with_the_vm(self, how: int) -> str | None:
        with Namespace("tap") as space:
            before = space.interfaces()
            vm = self.started(space, "--net", "tap:t0", "--net", "tap:t1,queues=2")
            if not {"t0", "t1"} <= set(space.interfaces()):
                return "a tap is not there while the VM runs"
            vm.send_signal(how)
            vm.wait(LONG_S)
            return None if comes_true(lambda: space.interfaces() == before) else f"left: {space.interfaces()}"

    def taps_that_were_there_stay(self) -> str | None:
        with Namespace("stay") as space:
            space.ip("tuntap", "add", "t0", "mode", "tap")
            vm = self.started(space, "--net", "tap:t0")
            second = space.run(self.husk, "run", "--net", "tap:t0", self.service)
            if second.returncode != 92 or "in use" not in second.stderr:
                return f"a second VM on it ends with {second.returncode}: {second.stderr}"
            vm.terminate()
            vm.wait(LONG_S)
            return None if space.has("t0") else "the tap is gone"

    def bridges_take_a_tap(self, how: int) -> str | None:
        with Namespace("bridge") as space:
            space.ip("link", "add", "br0", "mtu", "1400", "type", "bridge")
            space.ip("link", "set", "br0", "up")
            vm = self.started(space, "--net", "bridge:br0")
            members = space.ip("-o", "link", "show", "master", "br0")
            if len(members.splitlines()) != 1 or "mtu 1400" not in members or ",UP" not in members:
                return f"members of the bridge: {members}"
            vm.send_signal(how)
            vm.wait(LONG_S)
            gone = comes_true(lambda: not space.ip("-o", "link", "show", "master", "br0"))
            return None if gone and space.has("br0") else f"left: {space.interfaces()}"

    def a_tap_that_disappears_is_a_sentence(self) -> str | None:
        with Namespace("gone") as space:
            vm = self.started(space, "--net", "tap:t0,ip=10.9.0.2/24")
            space.ip("link", "del", "t0")
            line = next_line(vm.stderr)
            if not re.search("tap t0 .*gone.*link is down", line):
                return f"it says {line!r}"
            vm.terminate()
            return None if vm.wait(LONG_S) == 0 else f"the VM ends with {vm.returncode}: {vm.stderr.read()}"

    def a_full_capture_is_a_sentence(self) -> str | None:
        with small_disk(self.folder / "small") as disk, Namespace("pcap") as space:
            space.add_tap("t0", "10.9.0.1/24")
            vm = self.started(space, "--net", "tap:t0,ip=10.9.0.2/24", "--pcap", str(disk / "all.pcap"))
            if wrong := self.talks(space, "10.9.0.2") or self.ended(vm):
                return wrong
            said = vm.stderr.read()
            right = re.fullmatch(r"husk: \S+/all.pcap records no more frames: [^\n]+\n", said)
            return None if right else f"it says {said!r}"

    def talks(self, space: Namespace, address: str, tcp_port: int = 80, udp_port: int = 7,
              attempts: int = 1) -> str | None:
        client = Path(__file__).with_name("net_client.py")
        result = space.run(sys.executable, "-B", client, address, tcp_port, udp_port, "--attempts", attempts,
                           timeout_s=5 * LONG_S)
        return None if result.stdout == "right\n" else result.stdout + result.stderr

    def ended(self, vm: subprocess.Popen) -> str | None:
        """SIGTERM is the service's end; it must leave as it should."""
        vm.terminate()
        return None if vm.wait(LONG_S) == 0 else f"the VM ends with {vm.returncode}: {vm.stderr.read()}"

    def a_guest_serves_behind_a_tap(self, *options: str, keys: str = "", attempts: int = 1) -> str | None:
        with Namespace("serve") as space:
            space.add_tap("t0", "10.9.0.1/24")
            vm = self.started(space, *options, "--net", f"tap:t0,ip=10.9.0.2/24,gateway=10.9.0.1{keys}")
            return self.talks(space, "10.9.0.2", attempts=attempts) or self.ended(vm)

    def a_guest_serves_published_ports(self, *options: str) -> str | None:
        with Namespace("publish") as space:
            vm = self.started(space, *options, "--net", "user", "--publish", "127.0.0.1:8080:80", "--publish",
                              "8007:7/udp")
            # Its address comes by DHCP, and until then nobody answers.
            def answers() -> bool:
                return space.run("curl", "-s", "-m", "2", "-o", "/dev/null", "http://127.0.0.1:8080/1").returncode == 0

            if not comes_true(answers):
                return "nobody answers"
            return self.talks(space, "127.0.0.1", 8080, 8007) or self.ended(vm)

    def names_are_found(self, accelerator: str) -> str | None:
        """dns= is what resolv.conf says, and glibc's resolver asks that server, over UDP and TCP."""
        server = Path(__file__).with_name("dns_server.py")
        with Namespace("dns") as space:
            space.add_tap("t0", "10.9.0.1/24")
            with ending(space.start(sys.executable, "-B", server, "10.9.0.1")) as names:
                if next_line(names.stdout) != "ready\n":
                    return "the name server does not start"
                result = space.run(self.husk, "run", "--accel", accelerator, "--net",
                                   "tap:t0,ip=10.9.0.2/24,gateway=10.9.0.1,dns=10.9.0.1,dns=10.9.0.7", self.lookup, "--",
                                   "one.test", "both.test", "late.test", "none.test", "many.test",
                                   timeout_s=3 * LONG_S)
        many = " ".join(sorted(f"192.0.2.{number}" for number in range(100, 200)))
        expected = ("nameserver 10.9.0.1\nnameserver 10.9.0.7\none.test: 192.0.2.1\nboth.test: 192.0.2.2 2001:db8::2\n"
                    "late.test: 192.0.2.3\nnone.test: Name or service not known\n"
                    f"many.test: {many}\n")
        return None if result.stdout == expected else f"it says {result.stdout} {result.stderr}"

    def names_are_found_by_multicast(self, accelerator: str) -> str | None:
        """mDNS both ways; the peer is the same program as a Linux process."""
        with Namespace("mdns") as space:
            space.add_tap("t0", "10.9.0.1/24")
            space.ip("route", "add", "224.0.0.0/4", "dev", "t0")
            network = ("--accel", accelerator, "--net", "tap:t0,ip=10.9.0.2/24,gateway=10.9.0.1")
            with ending(started(space, self.husk, self.mdns, *network, arguments=("serve", "guest.local", "10.9.0.2"))):
                found = space.run(self.mdns, "ask", "guest.local", timeout_s=2 * LONG_S)
            if found.stdout != "guest.local is 10.9.0.2\n":
                return f"the host says {found.stdout!r} {found.stderr!r}"
            with ending(space.start(self.mdns, "serve", "host.local", "10.9.0.1")) as peer:
                next_line(peer.stdout)
                found = space.run(self.husk, "run", *network, self.mdns, "--", "ask", "host.local", timeout_s=3 * LONG_S)
            return None if found.stdout == "host.local is 10.9.0.1\n" else f"the guest says {found.stdout!r} {found.stderr!r}"

    def two_guests_meet_on_a_bridge(self) -> str | None:
        """`husk net up` gives both an address and lets the host reach them."""
        with Namespace("meet") as space:
            options = ["--bridge", f"hb{os.getpid() % 100000}", "--address", "10.97.0.1/24"]
            if (result := space.run(self.husk, "net", "up", *options)).returncode != 0:
                return result.stderr
            vms = [self.started(space, "--net", f"bridge:{options[1]}") for _ in range(2)]

            def neighbours() -> list[str]:
                leases = Path(f"/run/husk/{options[1]}.leases")
                return re.findall(r" (10\.97\.0\.\d+) ", leases.read_text()) if leases.exists() else []

            if not comes_true(lambda: len(neighbours()) == 2):
                return f"addresses given: {neighbours()}"
            for address in neighbours():
                if wrong := self.talks(space, address):
                    return wrong
            wrong = self.ended(vms[0]) or self.ended(vms[1])
            space.run(self.husk, "net", "down", *options)
            return wrong

    def the_user_network_ends_with_the_launcher(self, how: int) -> str | None:
        with Namespace("user") as space:
            def helpers() -> list[Path]:
                return space.processes("husk-user-net")

            vm = self.started(space, "--net", "user")
            if len(helpers()) != 1:
                return f"{len(helpers())} processes of husk-user-net"
            vm.send_signal(how)
            vm.wait(LONG_S)
            return None if comes_true(lambda: not helpers()) else "husk-user-net lives on"

    def net_up_and_down_may_be_repeated(self) -> str | None:
        with Namespace("up") as space:
            options = ["--bridge", f"hb{os.getpid() % 100000}", "--address", "10.98.0.1/24"]
            before = space.interfaces()
            texts = []
            for what in ("up", "up", "down", "down"):
                result = space.run(self.husk, "net", what, *options)
                if result.returncode != 0:
                    return f"husk net {what} ends with {result.returncode}: {result.stderr}"
                texts.append(result.stdout)
                if what == "up" and "10.98.0.1/24" not in space.ip("address", "show", options[1]):
                    return "the bridge has no address"
            for index, word in enumerate(("made", "already", "removed", "nothing")):
                if word not in texts[index]:
                    return f"says nothing of {word!r}: {texts[index]}"
            return None if space.interfaces() == before else f"left: {space.interfaces()}"

    def only_root_may_change_the_host(self) -> str | None:
        copy = self.folder / "husk"
        shutil.copy(self.husk, copy)
        result = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", str(copy), "net", "up"],
                                capture_output=True, text=True, timeout=LONG_S, check=False)
        right = result.returncode == 91 and "root" in result.stderr
        return None if right else f"ends with {result.returncode}: {result.stderr}"

    def run_either_way(self, accelerator: str) -> None:
        how = ("--accel", accelerator)
        self.check(f"{accelerator}: a guest serves behind a tap", lambda: self.a_guest_serves_behind_a_tap(*how))
        self.check(f"{accelerator}: a guest serves published ports", lambda: self.a_guest_serves_published_ports(*how))
        self.check(f"{accelerator}: names are found", lambda: self.names_are_found(accelerator))
        self.check(f"{accelerator}: names are found by multicast", lambda: self.names_are_found_by_multicast(accelerator))

    def run_on_kvm(self) -> None:
        self.check("taps go with a VM that ends", lambda: self.taps_go_with_the_vm(signal.SIGTERM))
        self.check("taps go with a launcher that is killed", lambda: self.taps_go_with_the_vm(signal.SIGKILL))
        self.check("taps that were there stay, for one VM at a time", self.taps_that_were_there_stay)
        self.check("a bridge takes a tap until the VM ends", lambda: self.bridges_take_a_tap(signal.SIGTERM))
        self.check("a bridge takes a tap until the launcher dies", lambda: self.bridges_take_a_tap(signal.SIGKILL))
        self.check("a tap that disappears is a sentence", self.a_tap_that_disappears_is_a_sentence)
        self.check("a capture on a full disk is a sentence, and the VM goes on", self.a_full_capture_is_a_sentence)
        self.check("a guest serves behind a bad line", lambda: self.a_guest_serves_behind_a_tap(
            keys=",loss=1%,duplicate=2%,reorder=3%,delay=1ms", attempts=20))
        self.check("two guests meet on a bridge", self.two_guests_meet_on_a_bridge)
        self.check("the user network ends with the VM",
                   lambda: self.the_user_network_ends_with_the_launcher(signal.SIGTERM))
        self.check("the user network ends with a launcher that is killed",
                   lambda: self.the_user_network_ends_with_the_launcher(signal.SIGKILL))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    with tempfile.TemporaryDirectory(prefix="husk-network-") as folder:
        os.chmod(folder, 0o755)
        test = NetworkTests(build, Path(folder))
        if os.geteuid() != 0:
            test.tally.skip("networks", NOT_ROOT)
            return test.tally.finish()
        for accelerator in accelerators():
            test.run_either_way(accelerator)
        if reason := why_no_kvm():
            test.tally.skip("networks of KVM", reason)
        else:
            test.run_on_kvm()
        test.check("husk net up and down may be repeated", test.net_up_and_down_may_be_repeated)
        test.check("only root may change the host", test.only_root_may_change_the_host)
    return test.tally.finish()


if __name__ == "__main__":
    sys.exit(main())
