# SPDX-License-Identifier: Apache-2.0
"""Whether this machine's KVM can be used."""
import os


def why_no_kvm() -> str | None:
    """None when it can; otherwise a reason that nobody overlooks."""
    if not os.path.exists("/dev/kvm"):
        return "*** THIS MACHINE HAS NO /dev/kvm: NOTHING RAN UNDER KVM ***"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "*** NO PERMISSION ON /dev/kvm: NOTHING RAN UNDER KVM (join the group kvm) ***"
    return None
