#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `husk run` on guests that do one thing each, and compares output and exit code.

usage: run_tiny_guests.py HUSK GUEST_FOLDER [NAME...]
"""

import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 60  # generous: also for KVM that QEMU emulates


class Failed(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: got {got!r}, wanted {wanted!r}")


class Launcher:
    def __init__(self, husk, guests):
        self.husk = husk
        self.guests = guests
        self.started = []

    def command(self, guest, options=(), arguments=()):
        command = [self.husk, "run", *options, str(self.guests / guest)]
        return command + (["--", *arguments] if arguments else [])

    def run(self, guest, options=(), arguments=(), stdin=b"", **kwargs):
        return subprocess.run(self.command(guest, options, arguments), input=stdin, capture_output=True,
                              timeout=TIMEOUT_S, check=False, **kwargs)

    def start(self, guest, options=(), **kwargs):
        self.started.append(subprocess.Popen(self.command(guest, options), **kwargs))
        return self.started[-1]

    def end_all(self):
        """What a test that failed has left running would hold the output open for ever."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.started.clear()


def exits_with(launcher, guest, status, options=(), message=b""):
    done = launcher.run(guest, options)
    expect("exit code", (done.returncode, done.stderr), (status, done.stderr))
    if message not in done.stderr:
        raise Failed(f"{message!r} is not in {done.stderr!r}")
    return done


def read_line(process):
    line = process.stdout.readline()
    expect("first line", line, b"ready\n")


# --- each test is a sentence


def an_exit_status_reaches_the_shell(launcher):
    exits_with(launcher, "exit", 42)


def console_output_goes_to_the_right_streams(launcher):
    done = launcher.run("hello")
    expect("stdout", done.stdout, b"hello from ring 3\nby serial port\n")
    expect("stderr", done.stderr, b"to stderr\n")
    expect("exit code", done.returncode, 0)


def arguments_environment_and_folder_arrive(launcher):
    done = launcher.run("arguments", ["--env", "A=1", "--env", "B=two words", "--cwd", "/tmp"], ["-x", ""])
    program = os.fsencode(launcher.guests / "arguments")
    expect("strings", done.stdout.split(b"\0"), [program, b"-x", b"", b"A=1", b"B=two words", b"/tmp", b""])


def permissions_hold_in_every_mapping(launcher):
    exits_with(launcher, "mappings", 0)


def permissions_hold_with_memory_beyond_the_hole(launcher):
    exits_with(launcher, "mappings", 0, ["--memory", "5G"])


def ring0_stubs_can_copy_and_return(launcher):
    exits_with(launcher, "ring0_frames", 199)  # ends in its system-call trap


def memory_far_away_can_be_used_by_any_instruction(launcher):
    for letter in "abcdefgh":
        done = launcher.run("far_memory", ["--memory", "256M"], [letter])
        expect(f"exit code of {letter}", (done.returncode, done.stderr), (0, b""))


def registers_are_as_boot_info_says(launcher):
    exits_with(launcher, "tls_registers", 0)


def a_wait_lasts_as_long_as_it_should(launcher):
    exits_with(launcher, "wait", 0)


def a_spinning_application_is_preempted_with_its_registers_intact(launcher):
    exits_with(launcher, "preempt", 0)


def a_timer_comes_to_a_spinning_application_when_due(launcher):
    exits_with(launcher, "deadline", 0)


def bad_addresses_in_doorbells_are_refused(launcher):
    exits_with(launcher, "bad_pointers", 0)


def memory_that_is_given_back_reads_as_zero(launcher):
    for kind in ("auto", "thp", "off"):
        exits_with(launcher, "give_back", 0, ["--memory", "128M", "--hugepages", kind])


def a_triple_fault_ends_the_vm_with_a_sentence(launcher):
    exits_with(launcher, "triple_fault", 79, message=b"triple fault")


def an_unserved_port_ends_the_vm(launcher):
    exits_with(launcher, "foreign_port", 79, message=b"port 0x80")


def a_port_outside_the_bitmap_is_not_for_ring3(launcher):
    done = launcher.run("closed_port")
    if done.returncode not in (79, 213):
        raise Failed(f"exit code {done.returncode}")


def memory_that_is_not_there_ends_the_vm(launcher):
    exits_with(launcher, "no_memory", 79, message=b"0xd0000000")


def an_unknown_doorbell_ends_the_vm(launcher):
    exits_with(launcher, "no_doorbell", 79, message=b"doorbell")


def a_panic_has_its_own_exit_code(launcher):
    exits_with(launcher, "panic", 80, message=b"the tiny guest gives up")


def a_timeout_ends_a_spinning_guest(launcher):
    began = time.monotonic()
    exits_with(launcher, "spin", 124, ["--timeout", "300ms"], b"--timeout")
    if time.monotonic() - began > TIMEOUT_S / 2:
        raise Failed("it took too long")


def a_timeout_ends_a_waiting_guest(launcher):
    process = launcher.start("signal", ["--timeout", "2s"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    read_line(process)
    expect("exit code", process.wait(TIMEOUT_S), 124)


def the_first_sigterm_is_the_guests(launcher):
    process = launcher.start("signal", stdout=subprocess.PIPE)
    read_line(process)
    process.send_signal(signal.SIGTERM)
    expect("exit code", process.wait(TIMEOUT_S), 128 + signal.SIGTERM)


def other_signals_are_forwarded_too(launcher):
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
        process = launcher.start("signal", stdout=subprocess.PIPE)
        read_line(process)
        process.send_signal(number)
        expect("exit code", process.wait(TIMEOUT_S), 128 + number)


def the_second_request_to_end_ends_the_vm(launcher):
    process = launcher.start("stubborn", stdout=subprocess.PIPE)
    read_line(process)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    expect("still running", process.poll(), None)
    process.send_signal(signal.SIGINT)
    expect("exit code", process.wait(TIMEOUT_S), 128 + signal.SIGINT)


def input_is_echoed_through_a_pipe(launcher):
    text = os.urandom(1 << 20)
    done = launcher.run("echo", stdin=text)
    expect("exit code", done.returncode, 0)
    expect("same bytes", done.stdout == text, True)


def input_is_echoed_from_and_to_files(launcher):
    text = os.urandom(300_000)
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(text)
        source.seek(0)
        process = launcher.start("echo", stdin=source, stdout=target)
        expect("exit code", process.wait(TIMEOUT_S), 0)
        target.seek(0)
        expect("same bytes", target.read() == text, True)


def input_that_comes_late_wakes_the_guest(launcher):
    process = launcher.start("echo", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for line in (b"one\n", b"two\n"):
        time.sleep(0.05)
        process.stdin.write(line)
        process.stdin.flush()
        expect("echo", process.stdout.readline(), line)
    process.stdin.close()
    expect("exit code", process.wait(TIMEOUT_S), 0)


def a_slow_reader_gets_everything(launcher):
    text = os.urandom(400_000)
    with tempfile.TemporaryFile() as source:
        source.write(text)
        source.seek(0)
        process = launcher.start("echo", stdin=source, stdout=subprocess.PIPE)
        time.sleep(0.2)
        got = b""
        while chunk := os.read(process.stdout.fileno(), 30_000):
            got += chunk
            time.sleep(0.002)
        expect("same bytes", got == text, True)
        expect("exit code", process.wait(TIMEOUT_S), 0)


def a_reader_that_leaves_is_epipe_and_not_the_end_of_the_launcher(launcher):
    process = launcher.start("echo", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.close()
    process.stdin.write(b"x")
    process.stdin.close()
    expect("exit code", process.wait(TIMEOUT_S), 32)


def polling_leaves_input_to_the_next_reader(launcher):
    reader, writer = os.pipe()
    process = launcher.start("poll", stdin=reader)
    time.sleep(0.05)
    os.write(writer, b"untouched")
    expect("exit code", process.wait(TIMEOUT_S), 1)
    os.close(writer)
    expect("input", os.read(reader, 100), b"untouched")
    os.close(reader)


def a_closed_stdin_is_no_trap(launcher):
    process = launcher.start("echo", preexec_fn=lambda: os.close(0), stdout=subprocess.PIPE)
    expect("exit code", process.wait(TIMEOUT_S), 1)  # EBADF


def a_terminal_stays_as_it_was(launcher):
    main, side = pty.openpty()
    process = launcher.start("echo", stdin=side, stdout=side, stderr=side)
    os.write(main, b"typed\n")
    got = b""
    while got.count(b"typed") < 2 and select.select([main], [], [], TIMEOUT_S)[0]:
        got += os.read(main, 1000)
    expect("echo of terminal and guest", got.replace(b"\r", b""), b"typed\ntyped\n")
    expect("blocking still", os.get_blocking(side), True)
    os.write(main, b"\x04")
    expect("exit code", process.wait(TIMEOUT_S), 0)


def memory_that_is_too_small_is_refused(launcher):
    exits_with(launcher, "exit", 76, ["--memory", "1M"], b"--memory")
    exits_with(launcher, "exit", 76, ["--memory", "4M"], b"--memory")


def huge_pages_that_are_not_there_are_refused(launcher):
    done = launcher.run("exit", ["--hugepages", "1G", "--memory", "1000G"])
    expect("exit code", done.returncode, 77)
    if b"nr_hugepages" not in done.stderr:
        raise Failed(f"no advice in {done.stderr!r}")


def every_kind_of_memory_that_is_there_works(launcher):
    for kind in ("auto", "thp", "off"):
        exits_with(launcher, "mappings", 0, ["--hugepages", kind])


def a_damaged_cpu_cache_is_ignored(launcher):
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, XDG_CACHE_HOME=folder)
        cache = pathlib.Path(folder, "husk", "cpu-model")
        expect("exit code", launcher.run("tls_registers", env=environment).returncode, 0)
        good = cache.read_bytes()
        for bad in (b"", good[:100], good[:-1], good + b"x", bytes([good[0] ^ 1]) + good[1:],
                    good[:60] + bytes([good[60] ^ 1]) + good[61:], os.urandom(len(good))):
            cache.write_bytes(bad)
            expect("exit code", launcher.run("tls_registers", env=environment).returncode, 0)
            expect("mended", cache.read_bytes()[:24], good[:16] + cache.read_bytes()[16:24])
            expect("size", cache.stat().st_size, len(good))


def a_disk(folder, sectors=64):
    path = pathlib.Path(folder, "disk.img")
    path.write_bytes(os.urandom(512 * sectors))
    return path


def the_first_sector_is_read_through_the_queue(launcher):
    with tempfile.TemporaryDirectory() as folder:
        disk = a_disk(folder)
        for options in ("", ",cache=unsafe", ",ro"):
            done = launcher.run("disk", ["--disk", f"{disk}{options}"], ["r"])
            expect(f"exit code with '{options}'", (done.returncode, done.stderr), (0, b""))
            expect("sector", done.stdout == disk.read_bytes()[:512], True)


def a_written_sector_is_in_the_file(launcher):
    with tempfile.TemporaryDirectory() as folder:
        disk = a_disk(folder)
        before = disk.read_bytes()
        expect("exit code", launcher.run("disk", ["--disk", disk], ["w"]).returncode, 0)
        expect("file", disk.read_bytes() == b"Husk" * 128 + before[512:], True)


def a_read_only_disk_cannot_be_written(launcher):
    with tempfile.TemporaryDirectory() as folder:
        disk = a_disk(folder)
        before = disk.read_bytes()
        expect("exit code", launcher.run("disk", ["--disk", f"{disk},ro"], ["w"]).returncode, 1)  # VIRTIO_BLK_S_IOERR
        expect("unchanged", disk.read_bytes() == before, True)


def a_disk_that_was_truncated_meanwhile_gives_an_io_error(launcher):
    with tempfile.TemporaryDirectory() as folder:
        disk = a_disk(folder)
        process = launcher.start("disk_late", ["--disk", disk], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        read_line(process)
        os.truncate(disk, 0)
        process.stdin.close()
        expect("exit code", process.wait(TIMEOUT_S), 1)


def a_driver_that_breaks_a_rule_ends_its_vm_with_a_sentence(launcher):
    sentences = {"l": b"loop", "o": b"no memory", "z": b"0 bytes", "d": b"behind a writable", "h": b"descriptor 256",
                 "j": b"jumps from 0 to 300", "t": b"indirect table of 24", "s": b"no room", "q": b"queue 7",
                 "b": b"1 bytes to register 0x70"}
    with tempfile.TemporaryDirectory() as folder:
        disk = a_disk(folder)
        for letter, sentence in sentences.items():
            done = launcher.run("disk", ["--disk", disk], [letter])
            expect(f"exit code of {letter}", (done.returncode, done.stderr), (79, done.stderr))
            for part in (b"device vda", sentence):
                if part not in done.stderr:
                    raise Failed(f"{part!r} is not in {done.stderr!r}")


def a_reset_in_mid_flight_is_clean(launcher):
    with tempfile.TemporaryDirectory() as folder:
        done = launcher.run("disk", ["--disk", a_disk(folder)], ["e"])
        expect("exit code", (done.returncode, done.stderr), (0, b""))


# --- several vCPUs. Each of these runs one guest once: nested_tiny_guests.py runs them too, on real kvm-amd.

# name: (guest, options, arguments, exit code, part of stderr)
SMP_RUNS = {
    "secondary_vcpus_start_with_their_own_state": ("smp_start", ["--cpus", "4"], [], 42, ""),
    "more_vcpus_than_cpus_are_said_once": ("smp_start", ["--cpus", "4"], [], 42, "4 virtual CPUs share"),
    "many_vcpus_have_their_areas_elsewhere": ("smp_end", ["--cpus", "64"], ["se" + "s" * 62], 44, ""),
    "a_peer_is_interrupted_in_the_application_and_when_it_waits": ("smp_interrupt", ["--cpus", "2"], [], 0, ""),
    "the_clock_never_runs_backwards_between_vcpus": ("smp_clock", ["--cpus", "2"], [], 0, ""),
    "each_vcpu_is_preempted": ("smp_preempt", ["--cpus", "2"], [], 0, ""),
    "a_secondary_vcpu_ends_the_vm_while_the_first_spins": ("smp_end", ["--cpus", "2"], ["se"], 44, ""),
    "a_secondary_vcpu_ends_the_vm_while_the_first_waits": ("smp_end", ["--cpus", "2"], ["we"], 44, ""),
    "the_first_vcpu_ends_the_vm_while_another_spins": ("smp_end", ["--cpus", "2"], ["xs"], 43, ""),
    "the_first_vcpu_ends_the_vm_while_another_waits": ("smp_end", ["--cpus", "2"], ["xw"], 43, ""),
    "the_first_vcpu_ends_the_vm_while_another_starts": ("smp_end", ["--cpus", "2"], ["es"], 43, ""),
    "a_triple_fault_of_a_secondary_vcpu_ends_the_vm": ("smp_end", ["--cpus", "2"], ["st"], 79, "triple fault"),
    "a_wrong_doorbell_of_a_secondary_vcpu_ends_the_vm": ("smp_end", ["--cpus", "2"], ["wd"], 79, "doorbell 238"),
    "a_timeout_ends_two_spinning_vcpus": ("smp_end", ["--cpus", "2", "--timeout", "500ms"], ["ss"], 124, "--timeout"),
    "a_timeout_ends_two_waiting_vcpus": ("smp_end", ["--cpus", "2", "--timeout", "500ms"], ["ww"], 124, "--timeout"),
    "a_timeout_ends_a_spinning_and_a_waiting_vcpu": (
        "smp_end", ["--cpus", "2", "--timeout", "500ms"], ["ws"], 124, "--timeout"),
}


def several_vcpus_behave(launcher):
    for name, (guest, options, arguments, status, message) in SMP_RUNS.items():
        done = launcher.run(guest, options, arguments)
        expect(name.replace("_", " "), (done.returncode, done.stderr), (status, done.stderr))
        if message.encode() not in done.stderr and not (message.endswith("share") and os.cpu_count() >= 4):
            raise Failed(f"{name}: {message!r} is not in {done.stderr!r}")


def lines_of_several_vcpus_are_whole(launcher):
    done = launcher.run("smp_console", ["--cpus", "4"])
    expect("exit code", (done.returncode, done.stderr), (0, done.stderr))
    expect("lines", sorted(done.stdout.splitlines()), [b"line %d-" % cpu for cpu in range(4) for _ in range(1000)])


def two_vcpus_write_registers_at_once(launcher):
    with tempfile.TemporaryDirectory() as folder:
        exits_with(launcher, "smp_registers", 0, ["--cpus", "2", "--disk", a_disk(folder)])


def a_signal_goes_to_a_vcpu_that_waits(launcher):
    process = launcher.start("smp_signal", ["--cpus", "2"], stdout=subprocess.PIPE)
    read_line(process)
    process.send_signal(signal.SIGTERM)
    expect("exit code", process.wait(TIMEOUT_S), 128 + signal.SIGTERM)


def a_second_signal_ends_several_vcpus(launcher):
    process = launcher.start("smp_signal", ["--cpus", "2"], stdout=subprocess.PIPE)
    read_line(process)
    process.send_signal(signal.SIGSTOP)  # both signals arrive together
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    if process.wait(TIMEOUT_S) not in (128 + signal.SIGTERM, 128 + signal.SIGINT):
        raise Failed(f"exit code {process.returncode}")


SMP_TESTS = [several_vcpus_behave, lines_of_several_vcpus_are_whole, two_vcpus_write_registers_at_once,
             a_signal_goes_to_a_vcpu_that_waits, a_second_signal_ends_several_vcpus]


def all_tests():
    return [value for value in globals().values()
            if callable(value) and getattr(value, "__code__", None) and value.__code__.co_varnames[:1] == ("launcher",)
            and value.__code__.co_argcount == 1]


def main():
    husk, guests = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
    wanted = sys.argv[3:]
    tests = [test for test in all_tests() if not wanted or test.__name__ in wanted]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print(f"NO USABLE /dev/kvm: all {len(tests)} tests are skipped", flush=True)
        print(f"0 passed, 0 failed, {len(tests)} skipped")
        return 77
    launcher = Launcher(husk, guests)
    # Several vCPUs have not been seen on KVM without hardware: what fails there is said, and does not count.
    uncounted = SMP_TESTS if b'"pvm"' in launcher.run("exit", ["--stats=json"]).stderr else []
    failed = 0
    for test in tests:
        sentence = test.__name__.replace("_", " ")
        try:
            test(launcher)
            print(f"ok      {sentence}", flush=True)
        except (Failed, subprocess.TimeoutExpired, OSError) as error:
            counts = test not in uncounted
            failed += counts
            print(f"{'FAILED ' if counts else 'ON PVM '} {sentence}: {error}", flush=True)
        finally:
            launcher.end_all()
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
