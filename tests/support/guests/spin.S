# SPDX-License-Identifier: Apache-2.0
# Spins for ever: only its launcher can end it.
#include "guest.inc"
        APPLICATION
1:      jmp 1b
