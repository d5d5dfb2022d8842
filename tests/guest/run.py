#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the guest tests of list.toml: natively as the reference, then in each environment.

usage: run.py --build FOLDER [--environment native|kvm|qemu|nested|smp]... [--repeat N] [NAME]...
smp is kvm for the tests that name it, which the others' runs on kvm leave out. Prints one line for each failure with how to run it again, and "N passed, N failed, N skipped" as the last line.
"""
import argparse
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import Case, Result, judge, read_cases
from environments import Kvm, Native
from foreign_vmm import ForeignVmm
from nested_machine import NestedMachine

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "support"))
from kvm import why_no_kvm  # noqa: E402

PARALLEL = 2


class Tally:
    """Counts verdicts, keeps the output of failures, prints their one line each."""

    def __init__(self, output: Path):
        self.passed = self.failed = self.skipped = 0
        self.output = output
        output.mkdir(parents=True, exist_ok=True)

    def record(self, environment: str, case: Case, result: Result, wrong: str | None) -> None:
        if wrong is None:
            self.passed += 1
            return
        self.failed += 1
        base = self.output / f"{case.name}.{environment}"
        for suffix, content in (("stdin", case.stdin), ("stdout", result.stdout), ("stderr", result.stderr)):
            Path(f"{base}.{suffix}").write_bytes(content)
        complaint = result.stderr.decode(errors="replace").strip().splitlines()
        print(f"FAILED {environment} {case.name}: {wrong}")
        for line in complaint[:3]:
            print(f"    {line}")
        print(f"    output: {base}.std*   again: ./dev test {environment} {case.name}")
        if result.command:
            print(f"    by hand: {result.command} < {base}.stdin", flush=True)

    def skip(self, environment: str, count: int, why: str) -> None:
        self.skipped += count
        print(f"SKIPPED {count} tests in {environment}: {why}", flush=True)


def run_natively(build: Path, cases: list[Case], tally: Tally, counts: bool) -> dict[str, Result]:
    """The reference results. Verdicts are counted only when the environment was asked for; failures always show."""
    native = Native(build)
    cases = [case for case in cases if case.native]
    with ThreadPoolExecutor(PARALLEL) as pool:
        results = dict(zip([case.name for case in cases], pool.map(native.run, cases)))
    for case in cases:
        result = results[case.name]
        result.stdout_sha256 = None
        wrong = judge(case, result, None)
        if counts or wrong is not None:
            tally.record("native", case, result, wrong)
    return results


def run_guests(environment: Kvm | ForeignVmm, cases: list[Case], reference: dict[str, Result], tally: Tally) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        for case, result in zip(cases, pool.map(environment.run, cases)):
            tally.record(environment.name, case, result, judge(case, result, reference.get(case.name)))


def run_nested(machine: NestedMachine, cases: list[Case], reference: dict[str, Result], tally: Tally) -> None:
    results = machine.run_all(cases)
    for case in cases:
        expected = reference.get(case.name)
        if expected is not None:
            expected.stdout_sha256 = hashlib.sha256(expected.stdout).hexdigest()
        missing = Result(None, b"", (machine.unusable or f"see {machine.console_log}").encode(), "")
        result = results.get(case.name, missing)
        tally.record("nested", case, result, judge(case, result, expected))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--environment", action="append", choices=["native", "kvm", "qemu", "nested", "smp"])
    parser.add_argument("--repeat", type=int, default=1, help="run each guest test so often, to find rare failures")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    wanted = options.environment or ["native", "kvm", "qemu", "nested"]
    build = options.build.resolve()

    cases = read_cases(HERE / "list.toml")
    unknown = set(options.names) - {case.name for case in cases}
    if unknown:
        print(f"no guest test is called {', '.join(sorted(unknown))}; see tests/guest/list.toml", file=sys.stderr)
        return 64
    if options.names:
        cases = [case for case in cases if case.name in options.names]

    unbuilt = {str(case.image(build)) for case in cases if not case.image(build).exists()}
    if unbuilt:
        print(f"not built: {', '.join(sorted(unbuilt))}", file=sys.stderr)
        return 1

    tally = Tally(build / "tests/guest/output")
    reference = run_natively(build, cases, tally, "native" in wanted)
    for environment in ("kvm", "smp"):
        if environment not in wanted:
            continue
        # Who asks for smp wants the tests that ask for it, not those that run everywhere.
        chosen = [case for case in cases if case.runs_in(environment) and (environment == "kvm" or case.environments)]
        if no_kvm := why_no_kvm():
            tally.skip(environment, len(chosen), no_kvm)
        else:
            run_guests(Kvm(build), chosen * options.repeat, reference, tally)
    if "qemu" in wanted:
        run_guests(ForeignVmm(build), [case for case in cases if case.runs_in("qemu")] * options.repeat, reference, tally)
    if "nested" in wanted:
        representative = [case for case in cases if (case.nested or options.names) and case.runs_in("nested")]
        run_nested(NestedMachine(build, tally.output / "nested-console.log"), representative, reference, tally)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
