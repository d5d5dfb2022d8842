# SPDX-License-Identifier: Apache-2.0
# Sourced: the kernel of the nested machine, and the folder of its modules. They come from the distribution's package, which
# is only unpacked, into a cache. Sets $kernel (a bzImage) and $modules (…/lib/modules/VERSION/kernel).
cache=${HUSK_NESTED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/husk-nested}

if ! compgen -G "$cache/boot/vmlinuz-*" >/dev/null; then
    mkdir -p "$cache"
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2; exit}')
    (cd "$cache" && apt-get download -qq "$package" && dpkg -x "$package"_*.deb . && rm -f "$package"_*.deb)
fi
kernel=$(compgen -G "$cache/boot/vmlinuz-*" | tail -n 1)
modules=$(compgen -G "$cache/lib/modules/*/kernel" | tail -n 1)
