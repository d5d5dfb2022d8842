# SPDX-License-Identifier: Apache-2.0
"""What a client sees of examples/service: each check returns what is wrong, or None. The same for a process and a VM."""
import concurrent.futures
import hashlib
import http.client
import socket
import ssl
import time
from typing import Callable

LIMIT_S = 20


class Client:
    def __init__(self, port: int, tls_port: int):
        self.port = port
        self.tls_port = tls_port

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = self.connect()
        connection.request(method, path, body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def wait_until_served(self) -> str | None:
        """A published port may take connections before the service does."""
        deadline = time.monotonic() + LIMIT_S
        why = ""
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/")[0] == 200:
                    return None
            except (OSError, http.client.HTTPException) as error:
                why = repr(error)
            time.sleep(0.02)
        return f"no answer after {LIMIT_S} s: {why}"


def differs(got, expected) -> str | None:
    return None if got == expected else f"is {got!r}, should be {expected!r}"


def answers_from_memory(client: Client) -> str | None:
    return differs(client.ask("GET", "/"), (200, b"Hello, world\n"))


def answers_from_a_file(client: Client) -> str | None:
    return (differs(client.ask("GET", "/files/hello.txt"), (200, b"a file\n"))
            or differs(client.ask("GET", "/files/../hello.txt")[0], 404)
            or differs(client.ask("GET", "/files/nothing")[0], 404))


def keeps_keys(client: Client) -> str | None:
    value = bytes(range(256)) * 300
    return (differs(client.ask("PUT", "/kv/key", value)[0], 204)
            or differs(client.ask("GET", "/kv/key"), (200, value))
            or differs(client.ask("DELETE", "/kv/key")[0], 204)
            or differs(client.ask("GET", "/kv/key")[0], 404)
            or differs(client.ask("PUT", "/kv/kept", b"for later")[0], 204))


def refuses_what_is_wrong(client: Client) -> str | None:
    return (differs(client.ask("POST", "/")[0], 405) or differs(client.ask("GET", "/nowhere")[0], 404)
            or differs(client.ask("PUT", "/kv/big", b"x" * (2 << 20))[0], 413))


def streams_chunks(client: Client) -> str | None:
    return differs(client.ask("GET", "/stream?lines=3"), (200, b"line 1\nline 2\nline 3\n"))


def keeps_connections(client: Client) -> str | None:
    connection = client.connect()
    for _ in range(200):
        connection.request("GET", "/")
        if (content := connection.getresponse().read()) != b"Hello, world\n":
            return f"answers {content!r}"
    connection.close()
    return None


def serves_many_at_once(client: Client) -> str | None:
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(client.ask, "GET", "/slow?ms=300") for _ in range(50)]
        wrong = [future.result() for future in waiting if future.result() != (200, b"waited 300 ms\n")]
    return f"{len(wrong)} of 50 wrong, such as {wrong[0]}" if wrong else None


def moves_large_values(client: Client) -> str | None:
    value = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(32_000))
    return differs(client.ask("PUT", "/kv/large", value)[0], 204) or differs(client.ask("GET", "/kv/large"), (200, value))


def answers_over_tls(client: Client) -> str | None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", client.tls_port, timeout=LIMIT_S, context=context)
    connection.request("GET", "/")
    return differs(connection.getresponse().read(), b"Hello, world\n")


def survives_rude_clients(client: Client) -> str | None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", client.port), timeout=LIMIT_S) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets
            rude.sendall(b"GET /slow?ms=50 HT")
    with socket.create_connection(("127.0.0.1", client.port), timeout=LIMIT_S) as nonsense:
        nonsense.sendall(b"\0\1\2 nonsense\r\n\r\n")
    return answers_from_memory(client)


def counts_requests(client: Client) -> str | None:
    status, text = client.ask("GET", "/metrics")
    counts = dict(line.split() for line in text.decode().splitlines() if not line.startswith("#"))
    if status != 200 or int(counts["service_requests_total"]) < 200:
        return f"{status} {text!r}"
    return differs(counts["service_server_errors_total"], "0")


CHECKS: list[Callable[[Client], str | None]] = [
    answers_from_memory, answers_from_a_file, keeps_keys, refuses_what_is_wrong, streams_chunks, keeps_connections,
    serves_many_at_once, moves_large_values, answers_over_tls, survives_rude_clients, counts_requests]
