# SPDX-License-Identifier: Apache-2.0
# Writes to stdout and stderr, and to the serial port.
#include "guest.inc"
        APPLICATION
        PRINT hello, hello_bytes
        PRINT error, error_bytes, 2
        mov $0x3f8, %edx
        mov $serial, %esi
        mov $serial_bytes, %ecx
        rep outsb
        mov $0x3fd, %edx
        in %dx, %al
        cmp $0x60, %al
        jne 1f
        END 0
1:      END 1
.section .rodata
hello:  .ascii "hello from ring 3\n"
.set hello_bytes, . - hello
error:  .ascii "to stderr\n"
.set error_bytes, . - error
serial: .ascii "by serial port\n"
.set serial_bytes, . - serial
