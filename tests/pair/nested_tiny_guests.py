#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several vCPUs, memory that goes back, traces and profiles: small guests under `husk run` on real kvm-amd, in QEMU's emulated
AMD-V machine.

usage: nested_tiny_guests.py --build BUILD [NAME...]
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "guest"))
from nested_machine import BOOT, parse
from run_tiny_guests import SMP_RUNS

JOB_SECONDS = 120

# In the shell of that machine; each says "good" on stdout. name: (guests, script)
SCRIPTS = {
    "lines_of_several_vcpus_are_whole": (
        ["smp_console"],
        "/t/husk run --cpus 4 /t/guests/smp_console >/tmp/lines && sort /tmp/lines | uniq -c | tr -s ' ' >/tmp/found\n"
        "for cpu in 0 1 2 3; do echo \" 1000 line $cpu-\"; done | cmp - /tmp/found && echo good"),
    "memory_that_is_given_back_reads_as_zero": (
        ["give_back"],
        "for kind in auto thp off; do\n"
        "  /t/husk run --memory 128M --hugepages $kind /t/guests/give_back || { echo step $? with $kind; exit 1; }\n"
        "done; echo 80 >/proc/sys/vm/nr_hugepages\n"
        "/t/husk run --memory 128M --hugepages 2M /t/guests/give_back && echo good"),
    "memory_that_the_application_freed_goes_back_to_the_host": (
        [],
        "mkfifo /tmp/steps; /t/husk run --name freed --memory 512M --memory-target 32M /t/programs/freed_memory 128 "
        "</tmp/steps >/tmp/said & vm=$!\n"
        "exec 5>/tmp/steps; until grep -q full /tmp/said; do sleep 0.2; done\n"
        "backed() { /t/husk stats freed --json | grep -o 'memory_resident_bytes\":[0-9]*' | cut -d: -f2; }\n"
        "full=$(backed); echo free >&5; until grep -q freed /tmp/said; do sleep 0.2; done; sleep 3; freed=$(backed)\n"
        "echo again >&5; wait $vm; status=$?; echo $full $freed, $status\n"
        "[ $full -gt $((128 << 20)) ] && [ $((full - freed)) -gt $((95 * 128 * 10486)) ] && [ $status = 0 ] && echo good"),
    "two_vcpus_write_registers_at_once": (
        ["smp_registers"],
        "truncate -s 64K /tmp/disk; /t/husk run --cpus 2 --disk /tmp/disk /t/guests/smp_registers && echo good"),
    "a_ceiling_above_the_hosts_memory_is_said": (
        ["exit"],
        "/t/husk run --memory 1G /t/guests/exit 2>/tmp/said; [ $? = 42 ] && [ ! -s /tmp/said ] || { cat /tmp/said; exit 1; }\n"
        "/t/husk run --memory 8G /t/guests/exit 2>/tmp/said; [ $? = 42 ] && grep -c 'is 8192 MiB and this host has' /tmp/said"
        " && echo good || cat /tmp/said"),
    "a_crash_on_the_second_vcpu_is_reported_once": (
        [],
        "/t/husk run --cpus 2 /t/programs/debugged_vcpus die 2>/tmp/said; [ $? = 139 ] && [ $(grep -c SIGSEGV /tmp/said) = 1 ]"
        " && grep -q 'in thread 2 (second)' /tmp/said && grep -q visit_second /tmp/said && echo good || cat /tmp/said"),
    "a_signal_goes_to_a_vcpu_that_waits": (
        ["smp_signal"],
        "/t/husk run --cpus 2 /t/guests/smp_signal >/tmp/ready & vm=$!\n"
        "until grep -q ready /tmp/ready; do sleep 0.1; done; kill -TERM $vm; wait $vm; [ $? = 143 ] && echo good"),
    "two_vcpus_pause_resume_and_stop": (
        ["smp_end"],
        "/t/husk run --name two --cpus 2 /t/guests/smp_end ss & vm=$!\n"
        "until /t/husk stats two --json >/tmp/stats 2>/dev/null; do sleep 0.1; done; sleep 1\n"
        "used() { /t/husk stats two --json | tr , '\\n' | grep -o 'cpu_ns\":[0-9]*' | cut -d: -f2; }\n"
        "[ $(used | wc -l) = 2 ] || exit 1\n"
        "/t/husk pause two; sleep 0.5; before=$(used); sleep 1; after=$(used)\n"
        "[ \"$before\" = \"$after\" ] || { echo not paused: $before, $after; exit 1; }\n"
        "/t/husk resume two; sleep 1; later=$(used)\n"
        "set -- $after $later; [ $3 -gt $1 ] && [ $4 -gt $2 ] || { echo not resumed: $*; exit 1; }\n"
        "/t/husk stop two --force; wait $vm; [ $? = 137 ] && echo good"),
    "each_vcpu_has_a_thread_of_its_own_once_it_runs": (
        ["smp_end", "spin"],
        "names() { cat /proc/$1/task/*/comm | grep -c husk-cpu; }\n"
        "/t/husk run --cpus 2 /t/guests/smp_end ss & vm=$!; until [ $(names $vm) = 1 ]; do sleep 0.1; done; kill -9 $vm\n"
        "/t/husk run --cpus 2 /t/guests/spin & vm=$!; sleep 2; [ $(names $vm) = 0 ] || exit 1; kill -9 $vm; echo good"),
    "each_vcpu_is_where_its_pin_says": (
        ["smp_end"],
        "/t/husk run --cpus 2 --pin 1,0 /t/guests/smp_end ss & vm=$!\n"
        "until cat /proc/$vm/task/*/comm | grep -q husk-cpu1; do sleep 0.1; done; sleep 1\n"
        "for task in /proc/$vm/task/*; do\n"
        "  case $(cat $task/comm) in husk-cpu1) want=0;; husk) [ ${task##*/} = $vm ] && want=1 || continue;; *) continue;; esac\n"
        "  grep -q \"^Cpus_allowed_list:.$want\\$\" $task/status || { cat $task/status; exit 1; }\n"
        "done; kill -9 $vm; echo good"),
    "a_profile_names_functions_and_threads": (
        [],
        "/t/husk run --profile /tmp/folded /t/programs/profiled >/tmp/said || exit 1\n"
        "grep -q '^ .* helper$' /tmp/folded.txt && grep -q '^helper;.*mix' /tmp/folded && grep -q '^profiled;.*mix' /tmp/folded"
        " && echo good || head -c 400 /tmp/folded.txt"),
    "a_trace_shows_calls_with_their_arguments": (
        [],
        "/t/husk run --trace=syscalls:write,clock_nanosleep --trace-file /tmp/calls /t/programs/profiled >/tmp/said || exit 1\n"
        "grep -q 'clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=200000000}' /tmp/calls && grep -q 'write(1, \"done' /tmp/calls"
        " && ! grep -q mmap /tmp/calls && echo good || cat /tmp/calls"),
}


def scripts() -> dict[str, str]:
    made = {name: script for name, (_, script) in SCRIPTS.items()}
    for name, (guest, options, arguments, status, _) in SMP_RUNS.items():
        command = shlex.join(["/t/husk", "run", *options, f"/t/guests/{guest}", *arguments])
        made[name] = f"{command}; status=$?; [ $status = {status} ] && echo good || echo exit code $status"
    return made


def prepare(folder: Path, build: Path, wanted: dict[str, str]) -> None:
    for name in ("jobs", "timeouts", "stdin", "guests", "programs"):
        (folder / name).mkdir()
    shutil.copy(build / "launcher/husk", folder / "husk")
    for guest in (build / "tests/pair/guests").iterdir():
        shutil.copy(guest, folder / "guests" / guest.name)
    for program in ("debugged_vcpus", "freed_memory", "profiled"):
        subprocess.run(["strip", "-g", "-o", folder / "programs" / program, build / "tests/guest" / program], check=True)
    for number, (name, script) in enumerate(wanted.items()):
        job = f"{number:03}-{name}"
        (folder / "jobs" / job).write_text(script + "\n")
        (folder / "timeouts" / job).write_text(str(JOB_SECONDS))
        (folder / "stdin" / job).write_bytes(b"")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    wanted = {name: script for name, script in scripts().items() if not options.names or name in options.names}
    with tempfile.TemporaryDirectory(prefix="husk-nested-") as name:
        folder = Path(name) / "t"
        folder.mkdir()
        prepare(folder, options.build, wanted)
        boot = subprocess.run([str(BOOT), str(folder)], capture_output=True, check=False)
    results = {job.split("-", 1)[1]: result for job, result in parse(boot.stdout.decode(errors="replace")).items()}
    failed = 0
    for test in wanted:
        sentence = test.replace("_", " ")
        result = results.get(test)
        message = SMP_RUNS[test][4].encode() if test in SMP_RUNS else b""
        if result and result.stdout.endswith(b"good\n") and message in result.stderr:
            print(f"ok      {sentence}", flush=True)
            continue
        failed += 1
        print(f"FAILED  {sentence}: {(result.stdout[-500:], result.stderr[-500:]) if result else 'it did not finish'}")
    print(f"{len(wanted) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
