// SPDX-License-Identifier: Apache-2.0
// Open descriptions on their way from one socket to another (SCM_RIGHTS).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "guest-runtime/fs/file.hpp"

namespace husk::net {

// Each description has a handle while it is in here. To be destroyed with no lock held: the last handle may close it.
class PassedFiles {
public:
    static constexpr std::size_t most = 253;  // SCM_MAX_FD

    PassedFiles() = default;
    PassedFiles(PassedFiles&& other) noexcept
        : files_(std::move(other.files_)), count_(std::exchange(other.count_, 0)) {}
    PassedFiles& operator=(PassedFiles other) noexcept {
        std::swap(files_, other.files_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~PassedFiles() {
        for (std::size_t i = 0; i < count_; ++i) files_[i]->drop_handle();
    }

    // Room for `count` more than none: call once, before add().
    Result<> reserve(std::size_t count) {
        files_.reset(new (std::nothrow) RefPtr<fs::File>[count]);
        return files_ ? Result<>() : Errno::enomem;
    }
    void add(RefPtr<fs::File> file) {
        file->add_handle();
        files_[count_++] = std::move(file);
    }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] const RefPtr<fs::File>& operator[](std::size_t index) const { return files_[index]; }

private:
    std::unique_ptr<RefPtr<fs::File>[]> files_;
    std::size_t count_ = 0;
};

}  // namespace husk::net
