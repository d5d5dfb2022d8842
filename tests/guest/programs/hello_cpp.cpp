// SPDX-License-Identifier: Apache-2.0
// The smallest C++ program.
#include <iostream>

int main() { std::cout << "hello from C++" << std::endl; }
