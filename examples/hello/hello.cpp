// SPDX-License-Identifier: Apache-2.0
// The first program: prints one line.
#include <iostream>

int main() { std::cout << "Hello from a virtual machine, or from Linux: the same file runs as both.\n"; }
