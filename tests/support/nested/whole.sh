#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command of this checkout on a Linux with kvm-amd inside QEMU's software-emulated AMD-V machine: with this machine's
# programs, since its root file system is what is seen there (changes to it stay there and are lost). For the tests and the
# benchmarks that need the launcher on KVM, where there is no KVM: right, but some 20 to 50 times slower.
# usage: whole.sh COMMAND [ARGS...]   Output and exit code are the command's; /scratch is an ext4 file system on a disk.
set -euo pipefail
[ $# -gt 0 ] || { echo "whole.sh: no command" >&2; exit 64; }
here=$(cd "$(dirname "$0")" && pwd)
source "$here/kernel.sh"

room=$(mktemp -d)
files=
trap '[ -z "$files" ] || kill "$files" 2>/dev/null || true; rm -rf "$room"' EXIT

# Once, so that the machine can load modules by name.
[ -f "${modules%/kernel}/modules.dep" ] || busybox depmod -b "$cache" "$(basename "${modules%/kernel}")"
mkdir -p "$room/first"/{bin,dev,proc,sys,m,host,new,upper}
cp "$(command -v busybox)" "$room/first/bin/busybox"
for module in fs/fuse/{fuse,virtiofs} drivers/virtio/{virtio,virtio_ring,virtio_pci_legacy_dev,virtio_pci_modern_dev,virtio_pci} fs/overlayfs/overlay; do
    cp "$modules/$module.ko" "$room/first/m/"
done
cp "$here/whole_init" "$room/first/init"
{
    printf 'version=%q modules=%q folder=%q\n' "$(basename "${modules%/kernel}")" "${modules%/kernel}" "$PWD"
    printf 'PATH=%q; HOME=%q; export PATH HOME\n' "$PATH" "$HOME"
} >"$room/first/facts"
printf '%q ' "$@" >"$room/first/command"
chmod +x "$room/first/init"
(cd "$room/first" && find . | cpio -o -H newc --quiet) >"$room/first.cpio"
truncate -s 8G "$room/scratch"
mke2fs -q -t ext4 "$room/scratch"

/usr/lib/qemu/virtiofsd --socket-path="$room/files" -o source=/ -o cache=always -o sandbox=chroot >"$room/files.log" 2>&1 &
files=$!
for _ in $(seq 100); do [ ! -S "$room/files" ] || break; sleep 0.1; done

# One thread for both emulated CPUs: see boot.sh.
# The console says only what the command prints, and then its exit code.
timeout "${HUSK_NESTED_TIMEOUT_S:-3600}" qemu-system-x86_64 -accel tcg,thread=single -cpu EPYC-Rome,+svm,+npt -smp 2 \
    -object memory-backend-memfd,id=memory,size="${HUSK_NESTED_MEMORY:-6G}",share=on -machine q35,memory-backend=memory -m "${HUSK_NESTED_MEMORY:-6G}" \
    -nodefaults -serial stdio -display none -no-reboot -kernel "$kernel" -initrd "$room/first.cpio" \
    -chardev socket,id=files,path="$room/files" -device vhost-user-fs-pci,chardev=files,tag=host \
    -drive if=none,id=scratch,file="$room/scratch",format=raw,cache=unsafe -device virtio-blk-pci,drive=scratch \
    -append "console=ttyS0 reboot=t panic=-1 quiet loglevel=1 tsc=reliable" </dev/null 2>"$room/machine.log" |
    sed -u '/reboot: Power down/d
/^@@ status /{s/^@@ status //;w '"$room/status"'
d}' || true
[ -s "$room/status" ] || {
    tail -qn 3 "$room/files.log" "$room/machine.log" >&2
    echo "whole.sh: the machine ended before the command did" >&2
    exit 70
}
exit "$(tail -n 1 "$room/status")"
