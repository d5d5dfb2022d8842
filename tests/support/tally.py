# SPDX-License-Identifier: Apache-2.0
"""Counts what passed; prints each failure as it comes and the sum at the end."""


class Tally:
    def __init__(self) -> None:
        self.passed = self.failed = self.skipped = 0

    def record(self, name: str, wrong: str | None) -> None:
        """One verdict: `wrong` says what is wrong, None when nothing is."""
        if wrong is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {wrong}", flush=True)

    def skip(self, what: str, why: str, count: int = 1) -> None:
        self.skipped += count
        print(f"SKIPPED {what}: {why}", flush=True)

    def finish(self) -> int:
        """Prints the closing line; returns the exit code."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0
