# SPDX-License-Identifier: Apache-2.0
# Says that it is ready and ignores every signal, inside the runtime's text.
#include "guest.inc"
stay:   jmp stay
        APPLICATION
        PRINT ready, 6
        jmp stay
.section .rodata
ready:  .ascii "ready\n"
