# SPDX-License-Identifier: Apache-2.0
# Writes to a port in ring 0 that no launcher serves.
.set own_trap_3, 1
#include "guest.inc"
trap_3: out %al, $0x80
        iretq
        APPLICATION
        int3
        END 0
