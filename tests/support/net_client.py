#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Talks to tests/guest/programs/net_service.cpp and checks every byte. Prints "right", or what is wrong.

usage: net_client.py ADDRESS TCP_PORT UDP_PORT [--attempts N]
"""
import argparse
import http.client
import socket
import sys

PATTERN = bytes(range(251))
GET_SIZES = (0, 14, 1460, 70_000, 2_000_000)
POST_BYTES = 1_000_003
DATAGRAM_SIZES = (1, 100, 1400, 1472, 4000)
PATIENCE_S = 20


def pattern(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def datagrams(address: str, port: int, attempts: int) -> str | None:
    """Every datagram comes back as it was; a lost one is sent again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S / attempts)
        sock.connect((address, port))
        for size in DATAGRAM_SIZES:
            sent = pattern(size)
            for _ in range(attempts):
                sock.send(sent)
                try:
                    while len(came := sock.recv(65536)) != size:
                        pass  # the late answer to an earlier one
                    if came != sent:
                        return f"a datagram of {size} bytes comes back changed"
                    break
                except TimeoutError:
                    pass
            else:
                return f"a datagram of {size} bytes does not come back"
    return None


def requests(address: str, port: int) -> str | None:
    """One connection for all requests."""
    connection = http.client.HTTPConnection(address, port, timeout=PATIENCE_S)
    for size in GET_SIZES:
        connection.request("GET", f"/{size}")
        body = connection.getresponse().read()
        if body != pattern(size):
            return f"GET /{size} gives {len(body)} bytes that are not the right ones"
    sent = pattern(POST_BYTES)
    connection.request("POST", "/", sent)
    body = connection.getresponse().read().decode()
    connection.close()
    return None if body == f"{len(sent)} {sum(sent)}\n" else f"POST of {len(sent)} bytes: {body}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("tcp_port", type=int)
    parser.add_argument("udp_port", type=int)
    parser.add_argument("--attempts", type=int, default=1)
    options = parser.parse_args()
    try:
        wrong = datagrams(options.address, options.udp_port, options.attempts) or requests(options.address,
                                                                                           options.tcp_port)
    except OSError as error:
        wrong = str(error)
    print(wrong or "right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
