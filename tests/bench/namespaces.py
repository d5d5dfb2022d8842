# SPDX-License-Identifier: Apache-2.0
"""Network namespaces of a benchmark's own: a client's, with a veth to a server's and a tap for a VM. Needs root."""
import os
import signal
import subprocess


class Network:
    """In `with`: `client` and `server` are namespaces with a veth between them, the client's with a tap as well."""

    NATIVE, NATIVE_CLIENT = "10.77.0.2", "10.77.0.1"
    VM, VM_CLIENT, VM_MAC, TAP = "10.78.0.2", "10.78.0.1", "52:54:00:00:00:02", "t0"

    def __init__(self) -> None:
        self.client, self.server = (f"husk-bench-{os.getpid()}-{name}" for name in ("client", "server"))

    def __enter__(self) -> "Network":
        for space in (self.client, self.server):
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        ip("-n", self.client, "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", self.server)
        ip("-n", self.client, "tuntap", "add", self.TAP, "mode", "tap", "vnet_hdr")
        for space, device, address in ((self.client, "v0", self.NATIVE_CLIENT), (self.server, "v0", self.NATIVE),
                                       (self.client, self.TAP, self.VM_CLIENT)):
            ip("-n", space, "addr", "add", f"{address}/24", "dev", device)
            ip("-n", space, "link", "set", device, "up")
        # Who asks for the address of a VM that does not run yet asks again only after a second.
        ip("-n", self.client, "neigh", "replace", self.VM, "lladdr", self.VM_MAC, "dev", self.TAP)
        return self

    def __exit__(self, *_: object) -> None:
        for space in (self.client, self.server):
            pids = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False).stdout
            for pid in pids.split():
                os.kill(int(pid), signal.SIGKILL)
            ip("netns", "del", space)

    @staticmethod
    def inside(space: str, command: list) -> list[str]:
        return ["ip", "netns", "exec", space, *map(str, command)]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
