#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A name server for tests: one.test, both.test and many.test, whose answer is too long for a datagram.

usage: dns_server.py ADDRESS
Answers over UDP and TCP [rfc1035 4.2]; prints "ready" once it does. The first question for late.test gets no answer.
"""
import ipaddress
import socket
import struct
import sys
import threading

A, AAAA = 1, 28
LONGEST_DATAGRAM = 512
RECORDS = {
    ("one.test", A): ["192.0.2.1"],
    ("both.test", A): ["192.0.2.2"],
    ("both.test", AAAA): ["2001:db8::2"],
    ("late.test", A): ["192.0.2.3"],
    ("many.test", A): [f"192.0.2.{number}" for number in range(100, 200)],
}
NAMES = {name for name, _ in RECORDS}
NO_SUCH_NAME, TRUNCATED, RESPONSE = 3, 0x0200, 0x8580


def read_name(message: bytes) -> tuple[str, int]:
    """The question's name and where it ends."""
    labels, at = [], 12
    while length := message[at]:
        labels.append(message[at + 1:at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1


def answer(message: bytes, longest: int) -> tuple[str, bytes]:
    """The question's name, and the whole answer to it or as much as `longest` bytes hold."""
    name, end = read_name(message)
    kind = struct.unpack_from(">H", message, end)[0]
    question = message[12:end + 4]
    records = b""
    addresses = RECORDS.get((name, kind), [])
    for address in addresses:
        content = ipaddress.ip_address(address).packed
        records += struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(content)) + content
    flags, count = RESPONSE, len(addresses)
    if 12 + len(question) + len(records) > longest:
        flags, count, records = RESPONSE | TRUNCATED, 0, b""
    if name not in NAMES:
        flags |= NO_SUCH_NAME
    return name, message[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + records


def serve_stream(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            while length := stream.read(2):
                _, reply = answer(stream.read(int.from_bytes(length, "big")), 65535)
                connection.sendall(len(reply).to_bytes(2, "big") + reply)


def main() -> int:
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.bind((sys.argv[1], 53))
    listener = socket.create_server((sys.argv[1], 53), family=family)
    threading.Thread(target=serve_stream, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    is_late = True
    while True:
        message, peer = datagrams.recvfrom(4096)
        name, reply = answer(message, LONGEST_DATAGRAM)
        if name == "late.test" and is_late:
            is_late = False
            continue
        datagrams.sendto(reply, peer)


if __name__ == "__main__":
    sys.exit(main())
