#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/service as real clients see it: the same checks against the Linux process and against the VM.

usage: test_service.py --build FOLDER
The VM has the user network with published ports, its files from a host folder, and its data on a disk.
"""
import argparse
import concurrent.futures
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kvm import accelerator
from service_client import CHECKS, LIMIT_S, Client, differs
from tally import Tally

OPTIONS = ["--port", "8080", "--tls-port", "8443", "--files", "/srv", "--data", "/data", "--certificate",
           "/srv/certificate.pem", "--key", "/srv/key.pem"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """A folder with what the service needs."""

    def __init__(self, folder: Path, husk: Path):
        self.files = folder / "srv"
        self.files.mkdir()
        (self.files / "hello.txt").write_text("a file\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", self.files / "key.pem", "-out", self.files / "certificate.pem"], check=True,
                       capture_output=True)
        self.data = folder / "data"
        self.disk = folder / "data.img"
        subprocess.run([husk, "disk", "create", self.disk, "64M"], check=True, capture_output=True)


def process_command(service: Path, site: Site, port: int, tls_port: int) -> list[str]:
    here = {"8080": str(port), "8443": str(tls_port), "/srv": str(site.files), "/data": str(site.data)}
    words = [here.get(word, word.replace("/srv/", f"{site.files}/")) for word in OPTIONS]
    return [str(service), "--address", "127.0.0.1", *words]


def vm_command(husk: Path, service: Path, site: Site, port: int, tls_port: int) -> list[str]:
    return [str(husk), "run", "--accel", accelerator(), "--net", "user", "--publish", f"127.0.0.1:{port}:8080", "--publish",
            f"127.0.0.1:{tls_port}:8443", "--dir", f"{site.files}:/srv", "--disk", f"{site.disk}:/data", str(service),
            "--", *OPTIONS]


def wait_for_connections(client: Client, count: int) -> str | None:
    """The one that asks is counted too."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        seen = next(line for line in client.ask("GET", "/metrics")[1].decode().splitlines()
                    if line.startswith("service_connections_open "))
        if seen.split()[1] == str(count):
            return None
        time.sleep(0.005)
    return f"there are never {count} connections: {seen}"


def ends_gracefully(process: subprocess.Popen, client: Client) -> str | None:
    """A request that is under way when SIGTERM comes still gets its answer; then the service ends by itself."""
    # libslirp does not tell of a reset behind the client's end, so a TLS connection waits a second for its goodbye.
    if wrong := wait_for_connections(client, 1):
        return wrong
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.ask, "GET", "/slow?ms=3000")
        wrong = wait_for_connections(client, 2)
        if not wrong and slow.done():
            wrong = "the slow answer came before SIGTERM"
        process.send_signal(signal.SIGTERM)
        wrong = wrong or differs(slow.result(), (200, b"waited 3000 ms\n"))
    return wrong or differs(process.wait(LIMIT_S), 0)


def check_life(tally: Tally, life: str, make_command) -> None:
    port, tls_port = free_port(), free_port()
    client = Client(port, tls_port)
    process = subprocess.Popen(make_command(port, tls_port), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        wrong = client.wait_until_served()
        tally.record(f"{life}: starts", wrong)
        for check in [] if wrong else CHECKS:
            try:
                verdict = check(client)
            except Exception as error:  # whatever a client can run into is a verdict
                verdict = repr(error)
            tally.record(f"{life}: {check.__name__.replace('_', ' ')}", verdict)
        if not wrong:
            tally.record(f"{life}: ends gracefully", ends_gracefully(process, client))
    finally:
        process.kill()
        output = process.communicate()[0].decode(errors="replace")
    if wrong:
        print(output)
        return
    # What was acknowledged is there in the next life.
    port, tls_port = free_port(), free_port()
    client = Client(port, tls_port)
    process = subprocess.Popen(make_command(port, tls_port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wrong = client.wait_until_served()
    tally.record(f"{life}: keeps its data", wrong or differs(client.ask("GET", "/kv/kept"), (200, b"for later")))
    process.send_signal(signal.SIGTERM)
    tally.record(f"{life}: ends idle", differs(process.wait(LIMIT_S), 0))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    husk, service = build / "launcher/husk", build / "examples/service/service"
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="husk-service-") as folder:
        site = Site(Path(folder), husk)
        check_life(tally, "process", lambda *ports: process_command(service, site, *ports))
        check_life(tally, "VM", lambda *ports: vm_command(husk, service, site, *ports))
        checked = subprocess.run(["e2fsck", "-fn", site.disk], capture_output=True, text=True, check=False)
        tally.record("VM: its disk is clean", None if checked.returncode == 0 else checked.stdout)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
