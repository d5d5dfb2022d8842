#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tap at one end, a stream socket with Ethernet frames at the other, and trouble in between, in both directions.

usage: bad_line.py TAP SOCKET [loss=N] [duplicate=N] [reorder=N] [delay=MS] [seed=N]
N are percent of the frames. Prints "ready" once it listens. Lines on stdin change the line while it works: "loss=100".
"""
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
LONGEST_FRAME = 65536 + 18
REORDERED_S = 0.01  # so much later, others overtake


class Line:
    def __init__(self, words: list[str]):
        self.settings = {"loss": 0.0, "duplicate": 0.0, "reorder": 0.0, "delay": 0.0, "seed": 1.0}
        for word in words:
            self.change(word)
        self.random = random.Random(self.settings["seed"])
        self.under_way: list[tuple[float, int, int, bytes]] = []  # when, number, towards which end, frame
        self.count = 0

    def change(self, word: str) -> None:
        name, _, value = word.strip().partition("=")
        if name not in self.settings:
            sys.exit(f"bad_line: what is {word!r}?")
        self.settings[name] = float(value)

    def happens(self, what: str) -> bool:
        return self.random.random() * 100 < self.settings[what]

    def take(self, frame: bytes, towards: int) -> None:
        for _ in range(2 if self.happens("duplicate") else 1):
            if self.happens("loss"):
                continue
            late = REORDERED_S if self.happens("reorder") else 0.0
            self.count += 1
            heapq.heappush(self.under_way,
                           (time.monotonic() + self.settings["delay"] / 1000 + late, self.count, towards, frame))

    def arrived(self) -> list[tuple[int, bytes]]:
        now, result = time.monotonic(), []
        while self.under_way and self.under_way[0][0] <= now:
            _, _, towards, frame = heapq.heappop(self.under_way)
            result.append((towards, frame))
        return result

    def next_s(self) -> float | None:
        return max(0.0, self.under_way[0][0] - time.monotonic()) if self.under_way else None


def open_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    os.set_blocking(tap, False)
    return tap


def main() -> int:
    tap = open_tap(sys.argv[1])
    line = Line(sys.argv[3:])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[2])
        listener.listen()
        print("ready", flush=True)
        peer, _ = listener.accept()
    stream = peer.fileno()
    received = bytearray()
    watched = [tap, stream, 0]
    while True:
        readable = select.select(watched, [], [], line.next_s())[0]
        if 0 in readable:
            words = os.read(0, 4096).decode().split()
            if not words:
                watched.remove(0)
            for word in words:
                line.change(word)
        if tap in readable:
            line.take(os.read(tap, LONGEST_FRAME), stream)
        if stream in readable:
            piece = os.read(stream, 1 << 18)
            if not piece:
                return 0
            received += piece
            while len(received) >= 4 and len(received) >= 4 + (size := int.from_bytes(received[:4], "big")):
                line.take(bytes(received[4:4 + size]), tap)
                del received[:4 + size]
        for towards, frame in line.arrived():
            if towards == tap:
                try:
                    os.write(tap, frame)
                except OSError:
                    pass  # the interface is down: lost, as on a real line
            else:
                peer.sendall(len(frame).to_bytes(4, "big") + frame)


if __name__ == "__main__":
    sys.exit(main())
