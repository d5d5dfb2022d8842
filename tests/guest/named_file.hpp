// SPDX-License-Identifier: Apache-2.0
// Conformance programs about names: a folder in memory, natively and in a VM, with a file in it.
#pragma once

#include <sys/stat.h>

#include <string>

#include "tests/guest/conformance.hpp"

namespace conformance {

// The program's own: several run at the same time.
extern const char* const folder;
extern const char* const name;

inline std::string in(const char* entry) { return std::string(folder) + "/" + entry; }

// Makes both, and removes them.
struct NamedFile {
    NamedFile() {
        mkdir(folder, 0755);
        close(static_cast<int>(needs(open(name, O_CREAT | O_RDWR, 0644))));
    }
    ~NamedFile() {
        unlink(name);
        rmdir(folder);
    }
};

inline void print_stat(const char* what, const struct stat& facts) {
    std::printf("    %s: type %o permissions %o links %lu size %ld owner %u:%u\n", what, facts.st_mode & S_IFMT,
                facts.st_mode & 07777, static_cast<unsigned long>(facts.st_nlink),
                S_ISDIR(facts.st_mode) ? 0 : static_cast<long>(facts.st_size), facts.st_uid, facts.st_gid);
}

inline void print_path(const char* what, const char* path) {
    struct stat facts;
    if (lstat(path, &facts) != 0) {
        answers(what, -1);
        return;
    }
    print_stat(what, facts);
}

}  // namespace conformance
