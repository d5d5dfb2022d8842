#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Running VMs under their names: husk ps, top, stats, stop, pause and resume against real VMs.

usage: test_control.py --build FOLDER
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kvm import why_no_kvm
from tally import Tally
from test_service import free_port

LIMIT_S = 30
METRIC = re.compile(r'^(# TYPE husk_\w+ (counter|gauge)|husk_\w+\{vm="[^"]+"(,\w+="[^"]+")?\} \d+)$')


class Host:
    """One user's `husk`, with a runtime folder of its own."""

    def __init__(self, build: Path, folder: Path):
        self.husk = str(build / "launcher/husk")
        self.service = str(build / "examples/service/service")
        self.reader = str(build / "tests/guest/stdin_lines")
        self.folder = folder
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder))
        self.started = []

    def start(self, *words: str) -> subprocess.Popen:
        process = subprocess.Popen([self.husk, "run", "--accel", "kvm", *words], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment)
        self.started.append(process)
        return process

    def ask(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.husk, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT_S, check=False, env=self.environment)

    def running(self) -> dict[str, dict]:
        return {vm["name"]: vm for vm in json.loads(self.ask("ps", "--json").stdout)}

    def wait_for(self, *names: str) -> str | None:
        deadline = time.monotonic() + LIMIT_S
        while set(self.running()) != set(names):
            if time.monotonic() > deadline:
                return f"there are {sorted(self.running())}, should be {sorted(names)}"
            time.sleep(0.01)
        return None

    def socket_of(self, name: str) -> Path:
        return self.folder / "husk" / f"{name}.sock"

    def end_all(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()


class Service:
    """The example service as the VM "web", with one connection that stays open."""

    def __init__(self, host: Host):
        port = free_port()
        self.process = host.start("--name", "web", "--net", "user", "--publish", f"127.0.0.1:{port}:8080", host.service,
                                  "--", "--port", "8080")
        self.port = port
        self.connection = None

    def connect(self) -> http.client.HTTPConnection:
        deadline = time.monotonic() + LIMIT_S
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
            try:
                connection.request("GET", "/")
                connection.getresponse().read()
                return connection
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def ask_slowly(web: Service) -> None:
    """Returns when the service is at a request that takes 20 s; its connection stays open with `web`."""
    def requests() -> int:
        other.request("GET", "/metrics")
        return int(re.search(rb"^service_requests_total (\d+)", other.getresponse().read(), re.MULTILINE)[1])

    other, web.connection = web.connect(), web.connect()
    seen = requests()
    web.connection.request("GET", "/slow?ms=20000")
    while requests() != seen + 2:  # one of them is the question itself
        seen += 1


def names_and_places(host: Host, process: subprocess.Popen) -> str | None:
    vm = host.running()["web"]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (host.socket_of("web"), host.folder / "husk")]
    found = (vm["pid"], vm["state"], vm["cpus"], Path(vm["image"]).name, modes)
    return None if found == (process.pid, "running", 1, "service", [0o600, 0o700]) else f"ps says {found}"


def stands_still(host: Host, connection: http.client.HTTPConnection) -> str | None:
    """Between pause and resume nothing is answered; afterwards the request that was sent meanwhile is."""
    if host.ask("pause", "web").returncode != 0:
        return "pause fails"
    connection.request("GET", "/")
    connection.sock.settimeout(0.5)
    try:
        connection.sock.recv(1, socket.MSG_PEEK)
        return "a paused VM answers"
    except TimeoutError:
        pass
    state = host.running()["web"]["state"]
    connection.sock.settimeout(LIMIT_S)
    resumed = host.ask("resume", "web").returncode
    status = connection.getresponse()
    status.read()
    found = (state, resumed, status.status)
    return None if found == ("paused", 0, 200) else f"{found}"


def survives_garbage(host: Host) -> str | None:
    lines = [b"\n", b"GET / HTTP/1.1\r\n\r\n", b"{\"husk\":1}\n", b"{\"husk\":1,\"do\":\"stop\",\"force\":7}\n",
             bytes(range(256)) + b"\n", b"[" * 4000 + b"\n"]
    idle = []
    for _ in range(40):  # more than are served at a time, none of which says anything
        idle.append(socket.socket(socket.AF_UNIX))
        idle[-1].setblocking(False)
        try:
            idle[-1].connect(str(host.socket_of("web")))
        except BlockingIOError:
            break
    if "web" not in host.running():
        return "silent clients keep others away"
    for one in idle:
        one.close()
    for line in lines:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(host.socket_of("web")))
            client.settimeout(LIMIT_S)
            client.sendall(line)
            answer = json.loads(client.makefile().readline())
            if answer["ok"] is not False or not answer["error"]:
                return f"{line[:40]!r} is answered by {answer}"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(host.socket_of("web")))
        client.settimeout(LIMIT_S)
        client.sendall(b"x" * 5000)
        if "4 KiB" not in client.makefile().readline():
            return "an endless line is not refused"
    return None if "web" in host.running() else "the VM is gone"


def refuses_too_many(host: Host) -> str | None:
    """Clients that have asked are not given up for another one; it is served when they have gone."""
    def ask() -> tuple[socket.socket, dict]:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(LIMIT_S)
        client.connect(str(host.socket_of("web")))
        client.sendall(b"{\"husk\":1,\"do\":\"info\"}\n")
        return client, json.loads(client.makefile().readline())
    served = [ask() for _ in range(16)]
    with socket.socket(socket.AF_UNIX) as refused:
        refused.settimeout(LIMIT_S)
        refused.connect(str(host.socket_of("web")))
        answer = json.loads(refused.makefile().readline())
    for client, _ in served:
        client.close()
    if not all(ok["ok"] for _, ok in served):
        return "not all of 16 are served"
    if answer["ok"] is not False or "clients" not in answer["error"]:
        return f"the 17th is answered by {answer}"
    client, answer = ask()
    client.close()
    return None if answer["ok"] else f"afterwards: {answer}"


def counts(host: Host) -> str | None:
    stats = json.loads(host.ask("stats", "web", "--json").stdout)
    if stats["cpus"][0]["cpu_ns"] <= 0 or stats["exits"]["wait"] <= 0 or stats["devices"]["eth0"]["bytes"] <= 0:
        return f"no work in {stats}"
    if not 0 < stats["memory_resident_bytes"] < stats["memory_bytes"]:
        return f"memory is {stats['memory_resident_bytes']} of {stats['memory_bytes']}"
    odd = [line for line in host.ask("stats", "web", "--prometheus").stdout.splitlines() if not METRIC.match(line)]
    if odd:
        return f"not Prometheus' format: {odd[0]}"
    top = {vm["name"]: vm for vm in json.loads(host.ask("top", "--once", "--json").stdout)}
    return None if len(top["web"]["cpu_percent"]) == 1 else f"top says {top}"


def refuses(host: Host, code: int, *words: str) -> str | None:
    result = host.ask(*words)
    one_line = result.stderr.startswith("husk: ") and result.stderr.count("\n") == 1
    return None if result.returncode == code and one_line else f"{result.returncode}: {result.stderr}"


def ends(host: Host, process: subprocess.Popen, status: int, *words: str) -> str | None:
    result = host.ask(*words)
    found = (result.returncode, process.wait(LIMIT_S))
    return None if found == (0, status) else f"(husk stop, the VM) ended with {found}: {result.stderr}"


def stale_socket_goes(host: Host, process: subprocess.Popen) -> str | None:
    process.send_signal(signal.SIGKILL)
    process.wait(LIMIT_S)
    if not host.socket_of("web").exists():
        return "the test is void: a killed VM leaves no socket"
    if host.running() or host.socket_of("web").exists():
        return "ps shows a dead VM, or keeps its socket"
    return None


def stays_pinned(host: Host) -> str | None:
    cpu = max(os.sched_getaffinity(0))
    process = host.start("--pin", str(cpu), "--net", "user", "--name", "pinned", "--ksm", "--numa", "0", host.reader)
    wrong = host.wait_for("pinned")
    threads = {int(thread): os.sched_getaffinity(int(thread)) for thread in os.listdir(f"/proc/{process.pid}/task")}
    if threads.pop(process.pid) != {cpu}:
        wrong = wrong or "the vCPU's thread may run elsewhere"
    if os.sched_getaffinity(0) not in threads.values():
        wrong = wrong or f"all threads are pinned: {threads}"
    return wrong or ends(host, process, 143, "stop", "pinned")


def await_in(path: str, pattern: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not re.search(pattern, Path(path).read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)


def ends_on_its_way_to_stillness(host: Host) -> str | None:
    """strace holds the vCPU back where it has seen that it shall stand still, and does not sleep yet."""
    process = host.start("--name", "late", host.reader)
    wrong = host.wait_for("late")
    with subprocess.Popen(["strace", "-qq", "-o", str(host.folder / "futexes"), "-e", "trace=futex", "-e",
                           "inject=futex:delay_enter=1000000", "-p", str(process.pid)], stderr=subprocess.DEVNULL) as tracer:
        await_in(f"/proc/{process.pid}/status", r"TracerPid:\t[^0]")
        host.ask("pause", "late")
        await_in(f"/proc/{process.pid}/syscall", "^202 0x[0-9a-f]+ 0x89 0x1 ")  # futex(still, FUTEX_WAIT_BITSET, paused
        try:
            return wrong or ends(host, process, 137, "stop", "--force", "late")
        except subprocess.TimeoutExpired:
            return "it sleeps on"
        finally:
            process.kill()
            tracer.wait(LIMIT_S)


def check_all(host: Host, tally: Tally) -> None:
    tally.record("no VM, no rows", None if host.running() == {} else "ps lists VMs")
    tally.record("stop of no VM is refused", refuses(host, 89, "stop", "web"))
    web = Service(host)
    connection = web.connect()
    tally.record("a VM has its name, a private socket and facts", names_and_places(host, web.process))
    tally.record("a name in use is refused", refuses(host, 88, "run", "--name", "web", host.reader))
    tally.record("a paused VM stands still and keeps its connections", stands_still(host, connection))
    tally.record("garbage on the socket is refused", survives_garbage(host))
    tally.record("too many clients are refused", refuses_too_many(host))
    tally.record("counts and rates", counts(host))
    tally.record("a killed VM's socket goes", stale_socket_goes(host, web.process))

    web = Service(host)
    web.connect()
    tally.record("stop ends a service gracefully", ends(host, web.process, 0, "stop", "web"))
    web = Service(host)
    ask_slowly(web)
    tally.record("stop has an end to its patience", ends(host, web.process, 137, "stop", "web", "--timeout", "500ms"))

    tally.record("a pinned vCPU stays, devices' threads do not", stays_pinned(host))
    readers = [host.start(host.reader), host.start(host.reader)]
    tally.record("names are made from images", host.wait_for("stdin_lines", "stdin_lines-2"))
    for name in host.running():
        host.ask("pause", name)
    tally.record("a paused VM can be stopped", ends(host, readers[0], 143, "stop", next(
        name for name, vm in host.running().items() if vm["pid"] == readers[0].pid)))
    tally.record("a paused VM can be ended by force", ends(host, readers[1], 137, "stop", "--force", next(
        iter(host.running()))))
    what = "a VM that is about to stand still can be ended by force"
    if shutil.which("strace") is None:
        tally.skip(what, "there is no strace")
    else:
        tally.record(what, ends_on_its_way_to_stillness(host))
    tally.record("no socket is left", None if not list((host.folder / "husk").iterdir()) else "there is one")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    tally = Tally()
    no_kvm = why_no_kvm()
    if no_kvm:
        tally.skip("names of VMs", no_kvm)
        return tally.finish()
    with tempfile.TemporaryDirectory(prefix="husk-control-") as folder:
        host = Host(build, Path(folder))
        try:
            check_all(host, tally)
        finally:
            host.end_all()
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
