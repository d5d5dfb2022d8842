#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each thing stays in its room: asm, volatile, KVM ioctls, mmap, reinterpret_cast, third-party headers, include
direction; every file has its SPDX line; no file names a machine's own paths or a registry."""
import re
import sys
from pathlib import Path

from tally import Tally
from tracked import CODE_SUFFIXES, ROOT, cxx_files, tracked_files

# What may include what: a folder and the folders that it may name. Everything may include the ABI.
LAUNCHER_BELOW = {
    "host": set(),
    "config": {"host"},
    "image": {"host", "config"},
    "memory": {"host", "config"},
    "kvm": {"host", "config"},
    "event": {"host", "config"},
    "qemu": {"backend", "host", "config"},
    "bus": {"memory", "kvm", "event", "host", "config"},
    "virtio": {"bus", "memory", "kvm", "event", "host", "config"},
    "control": {"event", "host", "config"},
    "backend": {"event", "host", "config"},
    "devices": {"virtio", "backend", "bus", "memory", "kvm", "event", "host", "config"},
    "boot": {"kvm", "memory", "image", "host", "config"},
    "report": {"image", "memory", "host", "config", "run"},
    "profile": {"report", "run", "image", "memory", "host", "config"},
    "trace": {"report", "config", "host"},
    "debug": {"report", "run", "image", "memory", "host", "config"},
    "run": {"boot", "control", "devices", "virtio", "backend", "bus", "kvm", "memory", "image", "event", "host", "config"},
    "user_net": set(),
    "cli": {"config", "image", "host", "kvm", "qemu", "memory", "backend", "control"},
}
GUEST_BELOW = {
    "base": set(),
    "arch": {"base"},
    "memory": {"arch", "base"},
    "thread": {"memory", "arch", "base"},
    "fs": {"thread", "memory", "arch", "base"},
    "net": {"fs", "thread", "memory", "arch", "base"},
    "syscall": {"fs", "net", "thread", "memory", "arch", "base"},
    "boot": {"syscall", "fs", "net", "thread", "memory", "arch", "base", "drivers"},
    "drivers": {"syscall", "fs", "net", "thread", "memory", "arch", "base"},
}

# (what, pattern, folders where it may stand)
CONFINED = [
    ("asm outside guest-runtime/arch", r"\basm\b|__asm__", ["guest-runtime/arch"]),
    ("volatile outside guest-runtime/arch", r"\bvolatile\b", ["guest-runtime/arch"]),
    ("a KVM ioctl outside launcher/kvm", r"<linux/kvm\.h>|\bKVM_[A-Z]+_?[A-Z0-9_]*\b", ["launcher/kvm"]),
    ("mmap outside launcher/host", r"(?<![\w.])(::)?(mmap|munmap|mremap)\s*\(", ["launcher/host"]),
]
# Third-party headers and their one door.
DOORS = [
    (r"<libelf\.h>|<gelf\.h>|<elfutils/", ["launcher/image", "launcher/report", "toolchain/image"]),
    (r"<CLI/", ["launcher/cli"]),
    (r"<toml\+\+/|<toml\.hpp>", ["launcher/config"]),
    (r"<boost/(?!json)", ["launcher/event"]),
    (r"<boost/json", ["launcher/control", "launcher/cli"]),
    (r"<Zydis/", ["toolchain/image"]),
    (r"<liburing\.h>|<liburing/", ["launcher/backend"]),
    (r"<slirp/|<libslirp", ["launcher/user_net"]),
    (r"<seccomp\.h>", ["launcher/user_net"]),
    (r"[<\"]lwip/|[<\"]netif/", ["guest-runtime/net"]),
]
# Assembled here so that this file does not match itself.
FOREIGN_WORDS = re.compile("|".join(["/ho" + r"me/\w", "/ro" + r"ot/\w", "/us" + "ers/", "/tmp/bu" + "ild",
                                     r"\bpypi\." + "org", r"registry\." + "npmjs", r"crates\." + r"io\b",
                                     r"proxy\." + "golang", r"deb\.debian\." + "org", "/wo" + r"rk/(main|shared)\b"]), re.IGNORECASE)


def without_comments_and_strings(text: str) -> str:
    """The same number of lines, with comments and string literals blanked."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.DOTALL)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def within(path: Path, folders: list[str]) -> bool:
    return any(str(path).startswith(folder + "/") for folder in folders)


def check_cxx(path: Path, text: str) -> list[str]:
    """Complaints about one C++ file of the launcher, the runtime or the toolchain."""
    found = []
    code = without_comments_and_strings(text)
    lines = text.splitlines()
    for number, line in enumerate(code.splitlines(), 1):
        for what, pattern, folders in CONFINED:
            if re.search(pattern, line) and not within(path, folders):
                if what.startswith("mmap") and not within(path, ["launcher"]):
                    continue
                found.append(f"line {number}: {what}")
        if "reinterpret_cast" in line and not justified(path, lines, number):
            found.append(f"line {number}: reinterpret_cast without a // SAFETY: line")
    for number, line in enumerate(lines, 1):
        for pattern, folders in DOORS:
            if re.match(r"\s*#include " + f"({pattern})", line) and not within(path, folders):
                found.append(f"line {number}: {line.strip()} has its door in {' or '.join(folders)}")
        include = re.match(r'\s*#include "([^"]+)"', line)
        if include:
            found += check_direction(path, include.group(1), number)
    return found


def justified(path: Path, lines: list[str], number: int) -> bool:
    """reinterpret_cast: free where raw memory is the trade, else under a SAFETY line at most five lines above."""
    free = ["guest-runtime/arch", "launcher/host", "launcher/memory"]
    return within(path, free) or any("SAFETY:" in line for line in lines[max(0, number - 6):number])


def check_direction(path: Path, included: str, number: int) -> list[str]:
    side, *rest = path.parts
    other = {"launcher": "guest-runtime", "guest-runtime": "launcher", "toolchain": "launcher"}[side]
    if included.startswith(other + "/"):
        return [f"line {number}: {side} includes {other}"]
    rules = {"launcher": LAUNCHER_BELOW, "guest-runtime": GUEST_BELOW}.get(side)
    room = rest[0] if len(rest) > 1 else None
    target = included.removeprefix(side + "/").split("/")[0] if included.startswith(side + "/") else None
    if rules is None or room is None or target is None or target == room or room == "abi":
        return [] if room != "abi" or target is None else [f"line {number}: the ABI includes {included}"]
    if room not in rules:
        return [f"line {number}: folder {side}/{room} is not in the list of check_confinement.py"]
    return [] if target in rules[room] else [f"line {number}: {side}/{room} must not include {included}"]


def check_example(text: str) -> list[str]:
    return ["examples include no Husk header"] if re.search(r"#include [<\"](husk/|launcher/|guest-runtime/)", text) else []


def needs_spdx(path: Path) -> bool:
    return path.suffix in CODE_SUFFIXES or path.name in ("CMakeLists.txt", "dev", "init", "run")


def complaints(path: Path) -> list[str]:
    text = (ROOT / path).read_text(errors="replace")
    found = []
    if needs_spdx(path) and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.splitlines()[:3]):
        found.append("no SPDX line at the top")
    for number, line in enumerate(text.splitlines(), 1):
        if FOREIGN_WORDS.search(line):
            found.append(f"line {number}: names a machine's own path or a registry")
    if path in CXX_FILES and path.parts[0] in ("launcher", "guest-runtime", "toolchain"):
        found += check_cxx(path, text)
    if path.parts[0] == "examples":
        found += check_example(text)
    return found


CXX_FILES = set(cxx_files())


def main() -> int:
    tally = Tally()
    for path in tracked_files():
        if path.name == "LICENSE":
            continue
        found = complaints(path)
        tally.record(str(path), "; ".join(found) if found else None)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
