#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two vCPUs against two threads of a Linux process, and a VM's memory: one table with a bar for each figure, and JSON.

usage: smp.py --build FOLDER --json FILE [--runs N] [--idle-vms N] [--memory MIB] [--accel kvm|qemu]
One program measures natively and in the VM in turn; figures are medians. The HTTP service is measured when root runs this.
--accel qemu only tries out the benchmark itself: what is asked of a running VM is left out. Exit code 1 when a bar is missed.
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).resolve().parent.parent / "support"))
from kvm import why_no_kvm  # noqa: E402
from net import CLIENT, HTTP_PORT, MAC, SERVER, Bench  # noqa: E402
from network_lab import ending  # noqa: E402

# Name, unit of the rate, least ratio VM / native.
RATIOS = [("matrix", "matrix product, 2 threads", "1/s", 0.95),
          ("sort", "sort, 2 threads", "1/s", 0.95),
          ("map", "hash map, 2 threads", "1/s", 0.95),
          ("hand_over", "mutex handed over between 2 threads", "1/s", 1.0),
          ("malloc", "malloc and free, 2 threads", "1/s", 0.95),
          ("random_huge", "random reads, huge pages", "1/s", 0.95),
          ("random_small", "random reads, 4 KiB pages", "1/s", None),
          ("http", "HTTP service, 2 threads", "1/s", 1.0)]
# Name, unit, sense of the bar, bar.
LIMITS = [("given_back", "of 1 GiB freed, back at the host after 1 s", "%", "least", 95),
          ("second_vcpu", "time that a second vCPU adds to a run", "us", "most", 150),
          ("idle_mib", "private memory of an idle VM", "MiB", "most", 4),
          ("idle_cpu", "CPU of 100 idle VMs", "% of a core", "most", 1)]


class SmpBench(Bench):
    """The network benchmark's lives of the service, with 2 threads on all CPUs."""

    def __init__(self, options: argparse.Namespace):
        super().__init__(options)
        self.inside = self.build / "tests/bench/smp_inside"
        self.memory_mib = options.memory
        self.idle_vms = options.idle_vms

    def vm_run(self, *options: str) -> list[str]:
        return [str(self.husk), "run", "--accel", self.accelerator, *options]

    def measured(self, *command: object) -> dict[str, float]:
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                                stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            sys.exit(f"bench: {' '.join(map(str, command))} ended with {result.returncode}: {result.stderr.strip()}")
        return json.loads(result.stdout)

    def threads(self) -> None:
        for side, prefix, words in (("native", [], []), ("vm", self.vm_run("--cpus", "2"), ["--"])):
            for name, value in self.measured(*prefix, self.inside, *words, "threads").items():
                self.note(name, side, value)

    def random_reads(self) -> None:
        for kind in ("huge", "small"):
            pages = ["--hugepages", "auto" if kind == "huge" else "off", "--memory", f"{self.memory_mib + 256}M"]
            for side, prefix, words in (("native", [], []), ("vm", self.vm_run(*pages), ["--"])):
                rate = self.measured(*prefix, self.inside, *words, "memory", self.memory_mib, kind)["random_read"]
                self.note(f"random_{kind}", side, rate)

    def http(self) -> None:
        service = [str(self.service), "--port", str(HTTP_PORT), "--threads", "2"]
        for side in ("native", "vm"):
            with ExitStack() as stack:
                if side == "native":
                    space, _, address = stack.enter_context(self.process(self.service, *service[1:], cpus="0-1"))
                else:
                    space = stack.enter_context(self.tap())
                    network = f"tap:t0,mac={MAC},ip={SERVER}/24,gateway={CLIENT}"
                    command = [*self.vm_run("--cpus", "2", "--net", network), service[0], "--", *service[1:]]
                    stack.enter_context(ending(space.start(*command)))
                    address = SERVER
                self.wait_for(space, HTTP_PORT)
                self.note("http", side, self.client(space, "net_requests", address, HTTP_PORT, "keep", 64, self.seconds)["rate"])

    def second_vcpu(self) -> None:
        program = [str(self.inside), "--", "end"]
        times = self.measured(self.build / "tests/bench/spawn_times", 50, *self.vm_run("--cpus", "1"), *program, ";",
                              *self.vm_run("--cpus", "2"), *program)
        one, two = (median(each["us"]) for each in times)
        self.note("second_vcpu", "vm", two - one)

    def stats(self, name: str) -> dict:
        return self.measured(self.husk, "stats", name, "--json")

    def given_back(self) -> None:
        name, freed_mib = f"bench-{os.getpid()}", 1024
        command = self.vm_run("--name", name, "--memory", "1536M", "--memory-target", "64M")
        vm = subprocess.Popen([*command, str(self.build / "tests/guest/freed_memory"), "--", str(freed_mib)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        with ending(vm):
            vm.stdout.readline()
            full = self.stats(name)["memory_resident_bytes"]
            vm.stdin.write("free\n")
            vm.stdout.readline()
            time.sleep(1)
            self.note("given_back", "vm", 100 * (full - self.stats(name)["memory_resident_bytes"]) / (freed_mib << 20))

    def idle(self) -> None:
        def cpu_ticks(pid: int) -> int:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        with ExitStack() as stack:
            vms = []
            for _ in range(self.idle_vms):
                vm = subprocess.Popen([*self.vm_run("--memory", "64M"), str(self.inside), "--", "idle"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                vms.append(stack.enter_context(ending(vm)))
                vm.stdout.readline()
            time.sleep(2)
            before, seconds = sum(cpu_ticks(vm.pid) for vm in vms), 10
            time.sleep(seconds)
            used = (sum(cpu_ticks(vm.pid) for vm in vms) - before) / os.sysconf("SC_CLK_TCK") / seconds
            self.note("idle_cpu", "vm", 100 * used * 100 / self.idle_vms)
            kib = 0
            for vm in vms:
                rollup = Path(f"/proc/{vm.pid}/smaps_rollup").read_text()
                kib += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
            self.note("idle_mib", "vm", kib / 1024 / self.idle_vms)

    def measure(self) -> None:
        for _ in range(self.runs):
            self.threads()
            self.random_reads()
            if os.geteuid() == 0:
                self.http()
        if self.accelerator == "kvm":
            self.second_vcpu()
            self.given_back()
            self.idle()


def report(figures: dict[str, dict[str, list[float]]]) -> tuple[dict, bool]:
    """Prints the table. The figures by name, and whether a bar is missed."""
    result, missed = {}, False
    for key, what, unit, bar in RATIOS:
        if key not in figures:
            print(f"{what:45} not measured")
            continue
        native, vm = (median(figures[key][side]) for side in ("native", "vm"))
        is_met = bar is None or vm / native >= bar
        missed |= not is_met
        result[key] = {"native": native, "vm": vm, "unit": unit, "ratio": vm / native, "bar": bar}
        verdict = "no bar" if bar is None else f"bar >= {bar} x  {'met' if is_met else 'missed'}"
        print(f"{what:45} {vm / native:6.2f} x  (VM {vm:.0f}, native {native:.0f} {unit})  {verdict}")
    for key, what, unit, sense, bar in LIMITS:
        if key not in figures:
            print(f"{what:45} not measured")
            continue
        value = median(figures[key]["vm"])
        is_met = value >= bar if sense == "least" else value <= bar
        missed |= not is_met
        result[key] = {"vm": value, "unit": unit, "bar": bar}
        print(f"{what:45} {value:6.2f} {unit}  bar {'>=' if sense == 'least' else '<='} {bar}  "
              f"{'met' if is_met else 'missed'}")
    return result, missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--idle-vms", type=int, default=100)
    parser.add_argument("--memory", type=int, default=4096, help="MiB to read at random")
    parser.add_argument("--accel", choices=["kvm", "qemu"], default="kvm")
    options = parser.parse_args()
    if options.accel == "kvm" and (no_kvm := why_no_kvm()):
        sys.exit(f"bench: {no_kvm}")
    bench = SmpBench(options)
    bench.measure()
    figures, missed = report(bench.figures)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"date": datetime.date.today().isoformat(), "kernel": platform.release(),
                                        "accelerator": options.accel, "runs": options.runs, "figures": figures},
                                       indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
