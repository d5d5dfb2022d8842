#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `husk` cannot do it refuses with one sentence and an exit code of its own: no crash, no hang, no guess.

usage: test_refusals.py --build FOLDER
"""
import argparse
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kvm import why_no_kvm
from tally import Tally

PROGRAM_HEADERS_AT, PROGRAM_HEADER_BYTES = 64, 56


class Refusals:
    """Runs `husk` in wrong ways and judges what it says."""

    def __init__(self, build: Path, folder: Path):
        self.husk = build / "launcher/husk"
        self.hello = build / "examples/hello/hello"
        self.plain = build / "tests/bench/plain_hello"
        self.folder = folder
        self.tally = Tally()

    def expect(self, what: str, status: int, sentence: str, *arguments: str | Path, before: list[str] | None = None,
               env: dict | None = None) -> None:
        """`husk ARGUMENTS` must end with `status` and one line on stderr that matches `sentence`."""
        command = [*(before or []), str(self.husk), *map(str, arguments)]
        try:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
                                    env=env, cwd=self.folder)
        except subprocess.TimeoutExpired:
            self.tally.record(what, f"hangs: {' '.join(command)}")
            return
        text = result.stderr.decode(errors="replace")
        wrong = None
        if result.returncode != status:
            wrong = f"exit code {result.returncode}, should be {status}: {text.strip()}"
        elif not text.startswith("husk: ") or len(text.strip().splitlines()) != 1 or len(text) > 500:
            wrong = f"not one sentence: {text!r}"
        elif not re.search(sentence, text):
            wrong = f"says nothing of {sentence!r}: {text.strip()}"
        self.tally.record(what, wrong)

    def image(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o755)
        return path

    def changed(self, name: str, *changes: tuple[int, bytes]) -> Path:
        """hello with bytes replaced at file offsets."""
        content = bytearray(self.hello.read_bytes())
        for offset, new in changes:
            content[offset:offset + len(new)] = new
        return self.image(name, bytes(content))

    def offset_of(self, address: int) -> int:
        """Where in hello's file a virtual address lies."""
        content = self.hello.read_bytes()
        for header in self.loads():
            offset, begin, _, size = struct.unpack_from("<QQQQ", content, header + 8)
            if begin <= address < begin + size:
                return offset + address - begin
        raise ValueError(f"{address:#x} is in no segment")

    def loads(self) -> list[int]:
        """File offsets of hello's PT_LOAD program headers."""
        content = self.hello.read_bytes()
        count = struct.unpack_from("<H", content, 56)[0]
        offsets = [PROGRAM_HEADERS_AT + i * PROGRAM_HEADER_BYTES for i in range(count)]
        return [offset for offset in offsets if struct.unpack_from("<I", content, offset)[0] == 1]


def bad_command_lines(test: Refusals) -> None:
    test.expect("unknown command", 64, "frobnicate", "frobnicate")
    test.expect("unknown option", 64, "--bogus", "run", "--bogus", test.hello)
    test.expect("no image", 64, "image|IMAGE", "run")
    test.expect("bad size", 64, "--memory|memory", "run", "--memory", "lots", test.hello)
    test.expect("bad variable", 64, "env", "run", "--env", "NOVALUE", test.hello)
    test.expect("bad huge pages", 64, "hugepages", "run", "--hugepages", "3M", test.hello)
    test.expect("bad CPUs", 64, "numbers of CPUs", "run", "--pin", "3-1", test.hello)
    for cpus in ("0", "65", "-1", "two", ""):
        test.expect(f"'{cpus}' virtual CPUs", 64, "--cpus.*from 1 to 64", "run", "--cpus", cpus, test.hello)
    test.expect("bad node", 64, "NUMA node", "run", "--numa", "near", test.hello)
    for name in ("", "a_b", "-a", "a..b", 65 * "a", 33 * "a" + "." + 31 * "b"):
        test.expect(f"host name {name!r}", 64, "--hostname.*must be 1 to 64", "run", "--hostname", name, test.hello)
    test.expect("bad name", 64, "--name", "run", "--name", "a b", test.hello)
    test.expect("a port for gdb that is no number", 64, "--gdb", "run", "--gdb", "here:there", test.hello)
    test.expect("a port for gdb that is too large", 64, "--gdb", "run", "--gdb-on-crash", "65536", test.hello)
    test.expect("gdb at no address of this host", 64, "gdb", "run", "--accel", "kvm", "--gdb", "nowhere:1", test.hello)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        test.expect("gdb at a port in use", 92, "in use", "run", "--accel", "kvm", "--gdb", str(taken.getsockname()[1]),
                    test.hello)
    test.expect("bad accelerator", 64, "accel", "run", "--accel", "xen", test.hello)


def bad_files(test: Refusals) -> None:
    hello = test.hello.read_bytes()
    test.expect("missing file", 66, "nothing-here", "run", "nothing-here")
    test.expect("folder", 66, "director|folder", "run", ".")
    test.expect("empty file", 67, "ELF", "run", test.image("empty", b""))
    test.expect("text file", 67, "ELF", "run", test.image("text", b"#!/bin/sh\necho hello\n" * 100))
    test.expect("cut in the header", 68, "truncated|cut|short|ends", "run", test.image("cut40", hello[:40]))
    test.expect("cut in a segment", 68, "truncated|cut|short|ends", "run", test.image("cut", hello[:len(hello) // 3]))
    test.expect("dynamic ELF", 69, "dynamic", "run", "/bin/true")
    test.expect("32-bit ELF", 70, "32", "run", test.changed("elf32", (4, b"\x01")))
    test.expect("another machine's ELF", 70, "x86|machine", "run", test.changed("arm", (18, struct.pack("<H", 183))))
    test.expect("static ELF that is no image", 71, "husk-c", "run", test.plain)


def bad_images(test: Refusals) -> None:
    hello = test.hello.read_bytes()
    note = hello.index(struct.pack("<III", 5, 64, 1) + b"Husk\0")
    test.expect("wrong ABI number", 72, "ABI", "run", test.changed("abi", (note + 20, struct.pack("<I", 4711))))
    first, second, *_ = test.loads()
    address, size = struct.unpack_from("<Q", hello, first + 16)[0], struct.unpack_from("<Q", hello, first + 40)[0]
    overlapping = test.changed("overlap", (second + 16, struct.pack("<QQ", address, address)))
    test.expect("overlapping segments", 73, "segment", "run", overlapping)
    test.expect("absurd size", 73, "segment", "run", test.changed("huge", (first + 40, struct.pack("<Q", 1 << 60))))
    test.expect("wrapping segment", 73, "segment", "run",
                test.changed("wrap", (first + 16, struct.pack("<Q", (1 << 64) - 4096))))
    test.expect("more in the file than in memory", 73, "segment", "run",
                test.changed("filesz", (first + 40, struct.pack("<Q", size // 2))))
    test.expect("writable code", 73, "segment", "run", test.changed("wx", (second + 4, struct.pack("<I", 7))))
    table = test.offset_of(struct.unpack_from("<Q", hello, note + 20 + 56)[0])
    assert hello[table:table + 8] == b"HUSKPTCH"
    test.expect("patch table with too many entries", 82, "patch", "run",
                test.changed("count", (table + 12, struct.pack("<I", 0xffff_ffff))))
    if why_no_kvm() is None:  # under QEMU it is the guest that sees it
        test.expect("patch table whose site is nowhere", 82, "patch", "run",
                    test.changed("site", (table + 56, struct.pack("<I", 0x10))))
    else:
        test.tally.skip("patch table whose site is nowhere", why_no_kvm() or "")


def bad_configurations(test: Refusals) -> None:
    cases = [("unknown key", "memory = \"64M\"\nmemry = 1\n", "2.*memory"),
             ("wrong type", "\n\nmemory = true\n", "3"),
             ("broken syntax", "memory = \n", "1"),
             ("bad value", "timeout = \"soon\"\n", "1.*timeout|timeout.*1")]
    for what, text, sentence in cases:
        path = test.folder / "husk.toml"
        path.write_text(text)
        test.expect(f"husk.toml: {what}", 65, sentence, "run", "--config", path, test.hello)
    test.expect("husk.toml: missing", 65, "nowhere.toml", "run", "--config", "nowhere.toml", test.hello)


def bad_disks(test: Refusals) -> None:
    def disk(what: str, status: int, sentence: str, text: str, option: str = "--disk") -> None:
        test.expect(f"disk: {what}", status, sentence, "run", option, text, test.hello)

    (test.folder / "good.img").write_bytes(bytes(1 << 20))
    (test.folder / "odd.img").write_bytes(bytes(1000))
    (test.folder / "empty.img").write_bytes(b"")
    disk("missing", 83, "nowhere.img", "nowhere.img")
    disk("a directory", 83, "directory", ".")
    disk("empty", 85, "0 bytes", "empty.img")
    disk("no whole sectors", 85, "1000 bytes", "odd.img")
    disk("no file", 85, "block device", "/dev/null")
    disk("unknown option", 64, "cache", "good.img,cach=none")
    disk("bad cache", 64, "writeback, none, unsafe", "good.img,cache=quick")
    disk("bad mount point", 64, "mount point", "good.img:/")
    disk("an overlay that is none", 85, "not an overlay", "good.img,overlay=odd.img")
    disk("an overlay nowhere", 83, "overlay", "good.img,overlay=nowhere/o.img")
    disk("an overlay on ro", 64, "overlay", "good.img,ro,overlay=o.img")
    disk("a folder that is none", 83, "folder", "good.img:/srv", "--dir")
    disk("a folder without a mount point", 64, "MOUNT", ".", "--dir")
    test.expect("disk: the same twice", 84, "in use", "run", "--disk", "good.img", "--disk", "good.img", test.hello)
    test.expect("disk: a mount point twice", 64, "two disks", "run", "--disk", "good.img:/a", "--disk", "odd.img:/a",
                test.hello)
    if os.geteuid() != 0:
        (test.folder / "secret.img").write_bytes(bytes(512))
        (test.folder / "secret.img").chmod(0)
        disk("unreadable", 83, "ermission", "secret.img")
    else:
        test.tally.skip("disk: unreadable", "root can read everything")
    test.expect("disk create: a file that exists", 85, "exists", "disk", "create", "good.img", "10M")
    test.expect("disk create: bad size", 64, "SIZE", "disk", "create", "new.img", "much")
    test.expect("disk create: bad block size", 64, "block-size", "disk", "create", "new.img", "10M", "--block-size", "3")
    if os.geteuid() == 0:
        test.expect("disk create: no mke2fs", 86, "e2fsprogs", "disk", "create", "new.img", "10M",
                    before=["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/sbin && exec "$@"', "sh"])
    path = test.folder / "husk.toml"
    path.write_text('[[disk]]\nfile = "good.img"\nmuont = "/data"\n')
    test.expect("disk: unknown key in husk.toml", 65, "3.*muont.*mount", "run", "--config", path, test.hello)


def too_few_huge_pages(test: Refusals) -> None:
    """One page of 2 MiB more than there are is refused; where root may reserve some, there are a few, and they do for a VM."""
    pool = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
    count = lambda name: int((pool / name).read_text())
    if not pool.exists() or count("nr_overcommit_hugepages") != 0:
        test.tally.skip("too few huge pages", "this host has none of 2 MiB, or as many as are asked for")
        return
    before = count("nr_hugepages")
    try:
        if os.geteuid() == 0:
            (pool / "nr_hugepages").write_text(str(before + 16))
        free = count("free_hugepages") - count("resv_hugepages")
        run = ["run", "--accel", "kvm", "--hugepages", "2M", "--memory"]
        test.expect("too few huge pages", 77, f"needs {max(free + 1, 8)} huge pages of 2 MiB", *run,
                    f"{2 * max(free + 1, 8)}M", test.hello)
        if free >= 8:
            done = subprocess.run([test.husk, *run, "16M", test.hello], capture_output=True, check=False, timeout=60)
            test.tally.record("enough huge pages", None if done.returncode == 0 else done.stderr.decode())
    finally:
        if os.geteuid() == 0:
            (pool / "nr_hugepages").write_text(str(before))


def more_vcpus_than_kvm_has(test: Refusals) -> None:
    """No KVM of today has as few as 64: strace puts another answer in the place of KVM's."""
    what, run = "more virtual CPUs than KVM has", ["run", "--accel", "kvm", "--cpus", "3", test.hello]
    tracer = ["strace", "-o", str(test.folder / "ioctls"), "-P", "/dev/kvm", "-e", "trace=ioctl"]
    if shutil.which("strace") is None:
        test.tally.skip(what, "there is no strace")
        return
    subprocess.run([*tracer, test.husk, *run], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    calls = [line for line in (test.folder / "ioctls").read_text().splitlines() if line.startswith("ioctl(")]
    asked = [index for index, line in enumerate(calls, 1) if "KVM_CAP_MAX_VCPUS" in line]
    if len(asked) != 1:
        test.tally.record(what, f"KVM was asked {len(asked)} times how many it has")
        return
    test.expect(what, 87, "at most 2 virtual CPUs, and --cpus is 3", *run,
                before=[*tracer, "-e", f"inject=ioctl:retval=2:when={asked[0]}"])


def no_more_threads(test: Refusals) -> None:
    """The VM runs, and then the host has no thread for its event loop, a disk's device, or, once it has one for the
    second vCPU, for the event loop; or it has only two of those that a disk with an overlay wants."""
    what, guests = "no more threads", test.husk.parent.parent / "tests/guest"
    if shutil.which("strace") is None:
        test.tally.skip(what, "there is no strace", 4)
        return
    disk = test.image("disk", b"")
    os.truncate(disk, 64 << 20)
    raw_disk, overlay = [guests / "raw_disk", "--", "/dev/vda"], f"{disk},overlay={test.folder / 'overlay'}"
    for case, options in [("when=1+", [guests / "spinner"]), ("when=1+", ["--disk", disk, *raw_disk]),
                          ("when=2+", ["--cpus", "2", guests / "spinner"]), ("when=3+ -f", ["--disk", overlay, *raw_disk])]:
        when, *follow = case.split()
        strace = ["strace", "-qq", "-o", "/dev/null", *follow, "-e", "trace=clone3", "-e", f"inject=clone3:error=EAGAIN:{when}"]
        test.expect(f"{what}: {case}, {options[0]}", 78, "cannot start a thread for (the event loop|a device|a disk|virtual CPU 1): ",
                    "run", "--accel", "kvm", *options, before=strace)


def bad_hosts(test: Refusals, has_kvm: bool) -> None:
    test.expect("too little memory for QEMU", 76, "memory", "run", "--accel", "qemu", "--memory", "4M", test.hello)
    test.expect("no QEMU", 81, "qemu-system-x86", "run", "--accel", "qemu", test.hello, env={"PATH": "/nowhere"})
    if has_kvm:
        test.expect("too little memory", 76, "memory", "run", "--accel", "kvm", "--memory", "1M", test.hello)
        test.expect("a CPU that is not there", 87, "CPU 9999", "run", "--accel", "kvm", "--pin", "9999", test.hello)
        test.expect("more pins than virtual CPUs", 87, "one for each", "run", "--accel", "kvm", "--pin", "0,0", test.hello)
        test.expect("fewer pins than virtual CPUs", 87, "one for each", "run", "--accel", "kvm", "--cpus", "2", "--pin",
                    "0", test.hello)
        test.expect("a node that is not there", 87, "node 1000", "run", "--accel", "kvm", "--numa", "1000", test.hello)
        free = Path("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages")
        if not free.exists() or int(free.read_text()) == 0:
            test.expect("no huge pages", 77, "huge", "run", "--accel", "kvm", "--memory", "1G", "--hugepages", "1G",
                        test.hello)
        too_few_huge_pages(test)
        more_vcpus_than_kvm_has(test)
        no_more_threads(test)
    else:
        test.tally.skip("memory refusals", why_no_kvm() or "", 6)
    if os.geteuid() != 0:
        test.tally.skip("hosts without KVM", "only root can take /dev/kvm away", 2)
        return
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev && exec "$@"', "sh"]
    test.expect("no /dev/kvm", 74, "/dev/kvm", "run", "--accel", "kvm", test.hello, before=hidden)
    if has_kvm and Path("/dev/kvm").stat().st_mode & 0o006 == 0:
        for program in (test.husk, test.hello):  # where an ordinary user can reach them
            shutil.copy(program, test.folder)
        test.folder.chmod(0o755)
        test.husk, hello = test.folder / "husk", test.folder / "hello"
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        test.expect("no permission on /dev/kvm", 75, "permission", "run", "--accel", "kvm", hello, before=nobody)
    else:
        test.tally.skip("no permission on /dev/kvm", "everybody here has it")


def bad_networks(test: Refusals) -> None:
    """What is wrong with a network is said before the VM starts."""
    for what, options, sentence in [
            ("unknown network", ["--net", "wifi"], "wifi.*user, tap"),
            ("unknown key", ["--net", "user,quees=2"], "queues"),
            ("address without network", ["--net", "user,ip=10.0.0.2"], "10.0.0.2/24"),
            ("gateway without address", ["--net", "user,gateway=10.0.0.1"], "gateway"),
            ("port that is none", ["--publish", "80"], "HOSTPORT:GUESTPORT"),
            ("port published twice", ["--publish", "8080:80", "--publish", "8080:81"], "twice"),
            ("port without a user network", ["--net", "tap:t0", "--publish", "8080:80"], "--net user"),
            ("capture without a network", ["--pcap", "x.pcap"], "--net")]:
        test.expect(f"network: {what}", 64, sentence, "run", *options, test.hello)
    for accelerator in ("kvm", "qemu"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            test.expect(f"network: port in use, {accelerator}", 92, f"{port}.*another", "run", "--accel", accelerator,
                        "--publish", f"127.0.0.1:{port}:80", test.hello)
        test.expect(f"network: no such bridge, {accelerator}", 90, "no bridge nobridge0", "run", "--accel", accelerator,
                    "--net", "bridge:nobridge0", test.hello)
        test.expect(f"network: no tap behind a descriptor, {accelerator}", 90, "descriptor 9", "run", "--accel",
                    accelerator, "--net", "tapfd:9", test.hello)
    test.expect("network: nobody at the other end", 93, "nobody listens", "run", "--accel", "kvm", "--net",
                "stream:/nowhere.sock", test.hello)
    lonely = test.folder / "lonely"
    lonely.mkdir()
    shutil.copy(test.husk, lonely / "husk")
    test.expect("network: no husk-user-net", 94, "husk-user-net", "run", "--accel", "kvm", "--net", "user", test.hello,
                before=["bash", "-c", f'shift; exec {lonely}/husk "$@"', "husk"])


def catches(process: subprocess.Popen, number: int) -> bool:
    """Whether it has a handler for the signal, or is no more."""
    if process.poll() is not None:
        return True
    mask = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return mask is not None and bool(int(mask[1], 16) >> (number - 1) & 1)


def ends_from_outside(test: Refusals, build: Path) -> None:
    """--timeout, SIGTERM to the application's default action, and a second signal to one that ignores the first."""
    sleeper = [str(build / "launcher/husk"), "run", "--accel", "kvm"]
    copy = str(build / "tests/guest/stdin_copy")

    def run(options: list[str], signals: int) -> int | None:
        process = subprocess.Popen([*sleeper, *options, copy], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            for _ in range(signals):
                while not catches(process, signal.SIGTERM):
                    time.sleep(0.01)
                process.send_signal(signal.SIGTERM)
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    for what, options, signals, status in (("--timeout", ["--timeout", "300ms"], 0, 124), ("SIGTERM", [], 1, 143)):
        got = run(options, signals)
        test.tally.record(what, None if got == status else f"exit code {got}, should be {status}")


def ends_unheard(test: Refusals) -> None:
    """QEMU's end is noticed although whoever started husk ignores the ends of children."""
    what, words = "SIGCHLD is ignored", [str(test.husk), "run", "--accel", "qemu", str(test.hello)]
    with subprocess.Popen(["bash", "-c", "trap '' CHLD; exec \"$@\"", "sh", *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:
        try:
            status = process.wait(timeout=30)
            test.tally.record(what, None if status == 0 else f"exit code {status}")
        except subprocess.TimeoutExpired:
            process.kill()
            test.tally.record(what, "hangs")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    has_kvm = why_no_kvm() is None
    with tempfile.TemporaryDirectory(prefix="husk-refusals-") as folder:
        test = Refusals(build, Path(folder))
        bad_command_lines(test)
        bad_files(test)
        bad_images(test)
        bad_configurations(test)
        bad_networks(test)
        bad_disks(test)
        if has_kvm:
            ends_from_outside(test, build)
        ends_unheard(test)
        bad_hosts(test, has_kvm)
    return test.tally.finish()


if __name__ == "__main__":
    sys.exit(main())
