# SPDX-License-Identifier: Apache-2.0
# Rings a doorbell that the contract does not have.
#include "guest.inc"
        APPLICATION
        out %al, $0xee
        END 0
