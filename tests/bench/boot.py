#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a VM starts and how small it is: one table with a bar for each figure, and the figures as JSON.

usage: boot.py --build FOLDER --json FILE [--runs N]
All that is compared runs interleaved in one go; figures are medians. Exit code 1 when a bar is missed.
"""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median


def output_of(*command: str | Path) -> tuple[str, str]:
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout, result.stderr


def cpu_facts() -> tuple[str, set[str]]:
    text = Path("/proc/cpuinfo").read_text()
    return (re.search(r"model name\s*: (.*)", text).group(1), set(re.search(r"flags\s*: (.*)", text).group(1).split()))


def find_key(value, key: str):
    """The first value under `key`, however deep."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        return next((found for found in (find_key(entry, key) for entry in value) if found is not None), None)
    return None


class Bench:
    def __init__(self, build: Path, runs: int):
        self.husk = build / "launcher/husk"
        self.hello = build / "examples/hello/hello"
        self.programs = build / "tests/bench"
        self.runs = runs

    def lives(self) -> dict:
        """Whole processes, interleaved: hello natively, as a VM, and the empty floor VM."""
        with tempfile.NamedTemporaryFile(prefix="husk-cpuid-") as cpuid:
            output_of(self.programs / "floor", "--write-cpuid", cpuid.name)
            out, _ = output_of(self.programs / "spawn_times", str(self.runs), self.hello, ";",
                               self.husk, "run", "--accel", "kvm", self.hello, ";", self.programs / "floor", cpuid.name)
        native, vm, floor = json.loads(out)
        return {"native_us": median(native["us"]), "vm_us": median(vm["us"]), "floor_us": median(floor["us"]),
                "vm_peak_kib": max(vm["peak_kib"]), "native_peak_kib": max(native["peak_kib"])}

    def first_run_to_main_us(self) -> float:
        times = []
        for _ in range(self.runs):
            out, err = output_of(self.husk, "run", "--accel", "kvm", "--stats=json", self.programs / "main_time")
            stats = json.loads(err[err.index("{"):])
            ticks = json.loads(out)["main_tsc"] - find_key(stats, "first_run_tsc")
            times.append(ticks / find_key(stats, "tsc_hz") * 1e6)
        return median(times)

    def inside(self) -> tuple[dict, dict]:
        """A null call and a thread switch, natively and in the VM, three times in turn; the medians."""
        native, vm = [], []
        for _ in range(3):
            native.append(json.loads(output_of(self.programs / "inside")[0]))
            vm.append(json.loads(output_of(self.husk, "run", "--accel", "kvm", self.programs / "inside")[0]))
        middle = lambda runs: {key: median(run[key] for run in runs) for key in runs[0]}
        return middle(native), middle(vm)

    def added_kib(self) -> float:
        """What the runtime adds to an ELF: stripped image against stripped ordinary static link."""
        with tempfile.TemporaryDirectory() as folder:
            sizes = []
            for program in (self.hello, self.programs / "plain_hello"):
                copy = shutil.copy(program, Path(folder) / program.name)
                output_of("strip", copy)
                sizes.append(os.path.getsize(copy))
        return (sizes[0] - sizes[1]) / 1024


def rows_of(lives: dict, to_main_us: float, native: dict, vm: dict, added_kib: float) -> list[tuple]:
    """(what, figure, unit, bar, comment); every bar is an upper one."""
    return [
        ("husk run hello / the same ELF natively", lives["vm_us"] / lives["native_us"], "x", 3.0,
         f"{lives['vm_us']:.0f} us against {lives['native_us']:.0f} us"),
        ("husk run hello / bare-VM floor", lives["vm_us"] / lives["floor_us"], "x", 1.3,
         f"floor {lives['floor_us']:.0f} us"),
        ("first KVM_RUN to main", to_main_us, "us", 200, ""),
        ("null system call", vm["null_call_ns"], "ns", 10, f"native {native['null_call_ns']:.1f} ns"),
        ("null system call / native Linux's", vm["null_call_ns"] / native["null_call_ns"], "x", 0.2, ""),
        ("thread switch through a futex / native Linux's", vm["switch_ns"] / native["switch_ns"], "x", 1.0,
         f"{vm['switch_ns']:.0f} ns against {native['switch_ns']:.0f} ns"),
        ("peak resident memory, launcher and guest", lives["vm_peak_kib"] / 1024, "MiB", 8,
         f"native process {lives['native_peak_kib'] / 1024:.1f} MiB"),
        ("runtime added to the ELF", added_kib, "KiB", 512, ""),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        sys.exit("bench: needs /dev/kvm with permission to use it")
    model, flags = cpu_facts()
    kind = "hw" if flags & {"svm", "vmx"} else "pvm"
    bench = Bench(options.build.resolve(), options.runs)
    lives = bench.lives()
    to_main_us = bench.first_run_to_main_us()
    native, vm = bench.inside()
    rows = rows_of(lives, to_main_us, native, vm, bench.added_kib())

    print(f"KVM kind {kind} ({'with' if kind == 'hw' else 'without'} VMX/SVM), {model}, {os.cpu_count()} CPUs, "
          f"Linux {platform.release()}, {options.runs} runs, medians\n")
    print(f"{'what':<48}{'figure':>12}{'bar':>12}")
    for what, figure, unit, bar, comment in rows:
        verdict = "ok" if figure <= bar else "MISSED"
        print(f"{what:<48}{figure:>8.2f} {unit:<3}{'<= ' + f'{bar:g}':>10} {unit:<3} {verdict:<7}{comment}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "kvm_kind": kind,
        "cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "runs": options.runs,
        "lives": lives, "first_run_to_main_us": to_main_us, "native": native, "vm": vm,
        "rows": [{"what": what, "figure": figure, "unit": unit, "bar": bar, "ok": figure <= bar}
                 for what, figure, unit, bar, _ in rows]}, indent=2) + "\n")
    print(f"\nas JSON: {options.json}")
    return 0 if all(figure <= bar for _, figure, _, bar, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
