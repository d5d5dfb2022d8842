#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots a Linux with kvm-amd inside QEMU's software-emulated AMD-V machine: the semantics of real hardware, slowly, on a
# machine that need not have KVM. usage: boot.sh FOLDER   FOLDER becomes /t there (static programs only); the serial
# console is stdout. The kernel comes from the distribution's package, which is only unpacked, into a cache.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
source "$here/kernel.sh"

root=$(mktemp -d)
trap 'rm -rf "$root" "$root.cpio"' EXIT
mkdir -p "$root"/{bin,dev,proc,sys,m}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$modules"/virt/lib/irqbypass.ko "$modules"/arch/x86/kvm/{kvm,kvm-amd}.ko "$root/m/"
# What some jobs load.
for module in net/tun net/tap vhost/vhost_iotlb vhost/vhost vhost/vhost_net; do
    [ ! -f "$modules/drivers/$module.ko" ] || cp "$modules/drivers/$module.ko" "$root/m/"
done
cp -r "$folder" "$root/t"
cp "$here/init" "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$root.cpio"

# tsc=reliable: the emulated counters agree, but Linux's test of that can fail on a busy host, and then KVM moves vCPUs' counters.
# One thread for both emulated CPUs: with one each, on two CPUs of the host, a VM with several vCPUs ends in a triple fault
# now and then, and once the Linux around it. It is QEMU 7.2's: each time the emulated CPU was in guest mode with its own mark
# for nested paging (HF2_NPT) cleared, so that it looked for the guest's page tables at host addresses.
# In the foreground: whoever ends this script's process group ends the machine too.
timeout --foreground "${HUSK_NESTED_TIMEOUT_S:-900}" qemu-system-x86_64 -accel tcg,thread=single -cpu EPYC-Rome,+svm,+npt -smp 2 \
    -M q35 -m 2048 -nodefaults -serial stdio -display none -no-reboot -kernel "$kernel" -initrd "$root.cpio" \
    -append "console=ttyS0 reboot=t panic=-1 quiet tsc=reliable" </dev/null
