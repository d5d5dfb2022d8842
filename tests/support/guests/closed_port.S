# SPDX-License-Identifier: Apache-2.0
# A port outside the bitmap. Where IOPL counts the launcher sees it, elsewhere it is a #GP: exit status 213.
#include "guest.inc"
        APPLICATION
        out %al, $0x80
        END 0
