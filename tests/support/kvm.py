# SPDX-License-Identifier: Apache-2.0
"""Whether this machine's KVM can be used, and what to use instead."""
import functools
import os


def why_no_kvm() -> str | None:
    """None when it can; otherwise a reason that nobody overlooks."""
    if not os.path.exists("/dev/kvm"):
        return "*** THIS MACHINE HAS NO /dev/kvm: NOTHING RAN UNDER KVM ***"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "*** NO PERMISSION ON /dev/kvm: NOTHING RAN UNDER KVM (join the group kvm) ***"
    return None


@functools.cache
def accelerator() -> str:
    """`husk run --accel` for tests that hold on both: without KVM the same VMs run under QEMU, some ten times slower."""
    why = why_no_kvm()
    if why:
        print(f"{why}; QEMU is used instead", flush=True)
    return "qemu" if why else "kvm"


def slowdown() -> int:
    """By how much moments that a test chooses in a run are later than under KVM."""
    return 6 if accelerator() == "qemu" else 1
