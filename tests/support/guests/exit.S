# SPDX-License-Identifier: Apache-2.0
# Does nothing but end: the shortest life of a VM.
#include "guest.inc"
        APPLICATION
        END 42
