#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients against examples/service as a VM on a tap: curl, wrk, ab, openssl, ping, Chromium, idle connections; dig and
iperf3 against VMs that serve them.

usage: test_clients.py --build FOLDER [--long] [--only WORD]
In a network namespace of the test's own; with KVM where there is one, else under QEMU. --long: more of everything.
"""
import argparse
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

from network_lab import LONG_S, NOT_ROOT, Namespace, accelerators, comes_true, ending, next_line, started
from service_site import LARGE_BYTES, PAGE_RESULT, Site, noise
from tally import Tally

HOST, HOST6 = "10.9.0.1", "fd00:9::1"
GUEST, GUEST6 = "10.9.0.2", "fd00:9::2"
NAMES, SPEED = "10.9.0.3", "10.9.0.4"  # of the VMs that answer dig and iperf3
HTTP, HTTPS = f"http://{GUEST}:8080", f"https://{GUEST}:8443"


class ClientTests:
    def __init__(self, build: Path, folder: Path, is_long: bool):
        self.husk = build / "launcher/husk"
        self.service = build / "examples/service/service"
        self.mdns = build / "tests/guest/mdns"
        self.compiler = build / "toolchain/root" / "bin/husk-cc"
        self.folder = folder
        self.is_long = is_long
        self.site = Site(folder, self.husk, f"IP:{GUEST},DNS:guest.test")
        self.space: Namespace
        self.tally = Tally()

    def run(self, *words: str | Path | int, limit_s: float = 3 * LONG_S, status: int = 0) -> str:
        """The client's stdout; raises when it ends with another status."""
        result = self.space.run(*words, timeout_s=limit_s)
        if result.returncode != status:
            raise RuntimeError(f"{words[0]} ends with {result.returncode}: {(result.stdout + result.stderr)[-600:]}")
        return result.stdout

    def curl(self, *words: str | Path) -> str:
        return self.run("curl", "-sS", "-m", 2 * LONG_S, *words)

    def ask_in_space(self, connection: http.client.HTTPConnection) -> str:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()

    # ---- each returns what is wrong, or None

    def curl_keeps_its_connection(self) -> str | None:
        made = self.curl("-o", "/dev/null", "-w", "%{num_connects} ", f"{HTTP}/", "-o", "/dev/null", f"{HTTP}/metrics",
                         "-o", "/dev/null", f"{HTTP}/files/hello.txt")
        return None if made.split() == ["1", "0", "0"] else f"connections made: {made}"

    def curl_reads_chunks(self) -> str | None:
        text = self.curl("-i", f"{HTTP}/stream?lines=5")
        right = "chunked" in text.lower() and text.endswith("".join(f"line {i}\n" for i in range(1, 6)))
        return None if right else text

    def curl_sends_chunks(self) -> str | None:
        body = self.folder / "body"
        body.write_bytes(noise(300_000))
        self.curl("-f", "-T", body, "-H", "Transfer-Encoding: chunked", f"{HTTP}/kv/chunks")
        back = self.folder / "back"
        self.curl("-f", "-o", back, f"{HTTP}/kv/chunks")
        return None if back.read_bytes() == body.read_bytes() else f"{back.stat().st_size} bytes come back, or wrong ones"

    def curl_moves_large_bodies(self) -> str | None:
        body, back = self.folder / "value", self.folder / "large"
        body.write_bytes(noise(1 << 20))
        for _ in range(10 if self.is_long else 2):
            self.curl("-f", "-T", body, f"{HTTP}/kv/large")
            self.curl("-f", "-o", back, f"{HTTP}/files/large.bin")
            if back.read_bytes() != noise(LARGE_BYTES):
                return f"a file of {LARGE_BYTES} bytes comes as {back.stat().st_size} bytes, or wrong ones"
            self.curl("-f", "-o", back, f"{HTTP}/kv/large")
            if back.read_bytes() != body.read_bytes():
                return "a value of 1 MiB comes back changed"
        return None

    def curl_asks_for_heads(self) -> str | None:
        heads = self.curl("-I", f"{HTTP}/files/large.bin", f"{HTTP}/")
        lengths = re.findall(r"(?i)^content-length: (\d+)", heads, re.MULTILINE)
        return None if lengths == [str(LARGE_BYTES), "13"] else heads

    def curl_speaks_ipv6(self) -> str | None:
        text = self.curl("-g", f"http://[{GUEST6}]:8080/")
        return None if text == "Hello, world\n" else text

    def curl_checks_the_certificate(self) -> str | None:
        for version in ("--tlsv1.3", "--tls-max", "--tlsv1.2"):
            words = [version, "1.2"] if version == "--tls-max" else [version]
            text = self.curl(*words, "--cacert", self.site.certificate, f"{HTTPS}/", f"{HTTPS}/metrics")
            if not text.startswith("Hello, world\n"):
                return f"{version}: {text}"
        self.run("curl", "-sS", "-m", LONG_S, f"{HTTPS}/", status=60)  # a certificate of nobody that is known
        return None

    def openssl_talks(self) -> str | None:
        for version in ("-tls1_2", "-tls1_3"):
            words = (f"printf 'GET / HTTP/1.1\\r\\nHost: guest.test\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client "
                     f"-connect {GUEST}:8443 -CAfile {self.site.certificate} -verify_return_error -verify_hostname "
                     f"guest.test -ign_eof {version}")
            text = self.run("sh", "-c", words)
            if "Verification: OK" not in text or "Hello, world" not in text:
                return text[-600:]
        return None

    def wrk_loads(self) -> str | None:
        text = self.run("wrk", "-t1", "-c16", "-d10s" if self.is_long else "-d3s", "--latency", f"{HTTP}/")
        count = int(re.search(r"(\d+) requests in", text).group(1))
        return text if count < 100 or "Socket errors" in text or "Non-2xx" in text else None

    def ab_loads(self) -> str | None:
        count = 20_000 if self.is_long else 600
        for words in (["-k"], []):
            text = self.run("ab", "-q", "-n", count, "-c", 10, *words, f"{HTTP}/")
            done, failed = (re.search(rf"{what} requests:\s+(\d+)", text).group(1) for what in ("Complete", "Failed"))
            if (done, failed) != (str(count), "0") or "Non-2xx" in text:
                return text
        return None

    def connections_stay_while_idle(self) -> str | None:
        """As those of an ssh session do: nothing is said for long, then everything still works."""
        script = ("import http.client, sys, time\n"
                  f"c = [http.client.HTTPConnection('{GUEST}', 8080, timeout=20) for _ in range(10)]\n"
                  "def ask():\n"
                  "    for one in c:\n"
                  "        one.request('GET', '/')\n"
                  "        if one.getresponse().read() != b'Hello, world\\n': sys.exit('wrong')\n"
                  "ask()\n"
                  "ends = [one.sock.getsockname() for one in c]\n"
                  f"time.sleep({45 if self.is_long else 6})\n"
                  "ask()\n"
                  "if [one.sock.getsockname() for one in c] != ends: sys.exit('connected again')\n")
        self.run(sys.executable, "-c", script)
        return None

    def ping_is_answered(self) -> str | None:
        for words in (["-4", GUEST], ["-6", GUEST6]):
            for size in (56, 1400, 4000):  # the last comes in fragments
                text = self.run("ping", "-c", 3, "-i", 0.2, "-W", 5, "-s", size, *words)
                if " 0% packet loss" not in text:
                    return text
        return None

    def chromium_shows_the_page(self) -> str | None:
        text = self.run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                        "--disable-background-networking", f"--user-data-dir={self.folder / 'chromium'}",
                        "--virtual-time-budget=10000", "--dump-dom", f"{HTTP}/files/page.html", limit_s=120)
        return None if f'<p id="result">{PAGE_RESULT}</p>' in text else text[-600:]

    def dig_is_answered(self) -> str | None:
        """By a name server that is a guest."""
        self.space.add_tap("t1")
        self.space.ip("route", "add", NAMES, "dev", "t1", "src", HOST)
        with ending(started(self.space, self.husk, self.mdns, "--accel", accelerators()[0], "--net",
                            f"tap:t1,ip={NAMES}/24,gateway={HOST}", arguments=("serve", "guest.local", NAMES))):
            found = self.run("dig", "+short", "+tries=3", f"@{NAMES}", "guest.local", "A").strip()
            missing = self.run("dig", "+tries=3", f"@{NAMES}", "other.local", "A")
        if found != NAMES:
            return f"guest.local is {found!r}"
        return None if "NXDOMAIN" in missing else missing

    def iperf3_measures_both_ways(self) -> str | None:
        """TCP and datagrams; its server is an image with Debian's static library."""
        server = self.folder / "iperf_server"
        libraries = [f"-l{name}" for name in ("iperf", "sctp", "ssl", "crypto", "m")]
        subprocess.run([self.compiler, "-O2", Path(__file__).parent / "iperf_server.c", "-o", server, *libraries], check=True,
                       capture_output=True)
        runs = [[], ["-R"], ["--bidir"], ["-P", "4"], ["-u", "-b", "2M"], ["-u", "-b", "2M", "-R"]]
        self.space.add_tap("t2", flags=("vnet_hdr",))
        self.space.ip("route", "add", SPEED, "dev", "t2", "src", HOST)
        with ending(started(self.space, self.husk, server, "--accel", accelerators()[0], "--net",
                            f"tap:t2,ip={SPEED}/24,gateway={HOST}", arguments=(str(len(runs)),))):
            for options in runs:
                text = self.run("iperf3", "-c", SPEED, "-J", "-t", 10 if self.is_long else 1, *options)
                end = json.loads(text)["end"]
                for sums in [end.get("sum_received") or end["sum"], end.get("sum_received_bidir_reverse")]:
                    if sums is not None and (sums["bytes"] == 0 or sums.get("lost_packets", 0) > sums.get("packets", 0) // 10):
                        return f"{options}: {sums}"
        return None

    # ----

    def check(self, test: Callable[[], str | None]) -> None:
        name = test.__name__.replace("_", " ")
        tool = name.split()[0]
        if tool in ("curl", "openssl", "wrk", "ab", "ping", "chromium", "dig", "iperf3") and shutil.which(tool) is None:
            self.tally.skip(name, f"{tool} is not installed (tests/support/client_packages.txt)")
            return
        begin = time.monotonic()
        try:
            wrong = test()
        except (RuntimeError, OSError, AttributeError, KeyError, subprocess.SubprocessError) as error:
            wrong = f"{type(error).__name__}: {error}"
        self.tally.record(name, wrong)
        print(f"   {name}: {time.monotonic() - begin:.1f} s", flush=True)

    def vm_ends_gracefully(self, vm: subprocess.Popen) -> str | None:
        vm.terminate()
        if (status := vm.wait(2 * LONG_S)) != 0:
            return f"it ends with {status}: {vm.stderr.read()[-600:]}"
        checked = subprocess.run(["e2fsck", "-fn", self.site.disk], capture_output=True, text=True, check=False)
        return None if checked.returncode == 0 else checked.stdout

    def all(self, only: str) -> None:
        tests = [self.ping_is_answered, self.curl_keeps_its_connection, self.curl_reads_chunks, self.curl_sends_chunks,
                 self.curl_moves_large_bodies, self.curl_asks_for_heads, self.curl_speaks_ipv6,
                 self.curl_checks_the_certificate, self.openssl_talks, self.wrk_loads, self.ab_loads,
                 self.connections_stay_while_idle, self.chromium_shows_the_page, self.dig_is_answered,
                 self.iperf3_measures_both_ways]
        with ExitStack() as stack:
            self.space = stack.enter_context(Namespace("clients"))
            self.space.add_tap("t0", f"{HOST}/24", f"{HOST6}/64", flags=("vnet_hdr",))
            # IPv6 and IPv4 in one socket.
            vm = stack.enter_context(ending(self.space.start(
                self.husk, "run", "--accel", accelerators()[0], "--dir", f"{self.site.files}:/srv", "--disk",
                f"{self.site.disk}:/data", "--net", f"tap:t0,ip={GUEST}/24,ip={GUEST6}/64,gateway={HOST}", self.service,
                "--", *self.site.service_options("::"))))
            line = next_line(vm.stdout, 2 * LONG_S)
            if not line.startswith("serving"):
                vm.kill()
                self.tally.record("the service starts", f"it says {line!r} {vm.stderr.read()}")
                return
            for test in tests:
                if only in test.__name__:
                    self.check(test)
            self.tally.record("the service ends gracefully", self.vm_ends_gracefully(vm))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="", help="only tests whose name has this in it")
    options = parser.parse_args()
    if os.geteuid() != 0:
        tally = Tally()
        tally.skip("clients", NOT_ROOT)
        return tally.finish()
    with tempfile.TemporaryDirectory(prefix="husk-clients-") as folder:
        tests = ClientTests(options.build.resolve(), Path(folder), options.long)
        tests.all(options.only)
        return tests.tally.finish()


if __name__ == "__main__":
    sys.exit(main())
