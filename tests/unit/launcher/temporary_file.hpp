// SPDX-License-Identifier: Apache-2.0
// A file that is gone when the test is over.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace husk::test {

class TemporaryFile final {
public:
    TemporaryFile() { close(mkstemp(path_.data())); }
    ~TemporaryFile() { unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = "/tmp/husk-test-XXXXXX";
};

}  // namespace husk::test
