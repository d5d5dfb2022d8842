// SPDX-License-Identifier: Apache-2.0
// The inode of an object that has no place in any directory: pipes, console streams, event descriptors.
#pragma once

#include <string_view>

#include "guest-runtime/fs/inode.hpp"

namespace husk::fs {

// `kind` is what /proc/self/fd shows: "pipe" as pipe:[7], an eventfd's as anon_inode:[eventfd].
class AnonymousInode : public Inode {
public:
    AnonymousInode(FileType type, std::string_view kind);

    Attributes attributes() override;
    Result<> change(const AttributeChange&) override { return {}; }
    Result<RefPtr<File>> open(std::uint32_t) override;
    [[nodiscard]] std::uint64_t number() const { return number_; }
    [[nodiscard]] std::string_view kind() const { return kind_; }
    Result<Text> description() override;

private:
    std::uint64_t number_;
    std::string_view kind_;
    std::int64_t born_ns_;
};

// One for each descriptor of that kind ("[eventfd]", "[timerfd]").
Result<RefPtr<Inode>> make_anonymous_inode(std::string_view kind);

}  // namespace husk::fs
