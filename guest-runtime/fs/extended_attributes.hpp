// SPDX-License-Identifier: Apache-2.0
// Named values attached to an inode (xattr(7)), a few of them, in a list.
#pragma once

#include <string_view>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/fs/text.hpp"

namespace husk::fs {

// Not locked.
class ExtendedAttributes {
public:
    static constexpr int create_only = 1, replace_only = 2;

    constexpr ExtendedAttributes() = default;
    ExtendedAttributes(const ExtendedAttributes&) = delete;
    ExtendedAttributes& operator=(const ExtendedAttributes&) = delete;
    ~ExtendedAttributes();

    Result<Text> get(std::string_view name);
    Result<> set(std::string_view name, std::string_view value, int flags);
    Result<> remove(std::string_view name);
    Result<Text> names();

private:
    struct Attribute : ListNode<> {
        Text name;
        Text value;
    };
    Attribute* find(std::string_view name);

    List<Attribute> attributes_;
};

}  // namespace husk::fs
