// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/extended_attributes.hpp"

#include <new>

namespace husk::fs {

namespace {

bool is_served(std::string_view name) {
    return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("security.");
}

}  // namespace

ExtendedAttributes::~ExtendedAttributes() {
    while (Attribute* attribute = attributes_.pop_front()) delete attribute;
}

ExtendedAttributes::Attribute* ExtendedAttributes::find(std::string_view name) {
    for (Attribute& attribute : attributes_) {
        if (attribute.name.view() == name) return &attribute;
    }
    return nullptr;
}

Result<Text> ExtendedAttributes::get(std::string_view name) {
    if (!is_served(name)) return Errno::eopnotsupp;
    Attribute* attribute = find(name);
    if (attribute == nullptr) return Errno::enodata;
    return Text::copy_of(attribute->value.view());
}

Result<> ExtendedAttributes::set(std::string_view name, std::string_view value, int flags) {
    if (!is_served(name)) return Errno::eopnotsupp;
    Attribute* attribute = find(name);
    if (attribute != nullptr && flags == create_only) return Errno::eexist;
    if (attribute == nullptr && flags == replace_only) return Errno::enodata;
    Text copy = HUSK_TRY(Text::copy_of(value));
    if (attribute == nullptr) {
        Text name_copy = HUSK_TRY(Text::copy_of(name));
        attribute = new (std::nothrow) Attribute;
        if (attribute == nullptr) return Errno::enospc;
        attribute->name = std::move(name_copy);
        attributes_.push_back(*attribute);
    }
    attribute->value = std::move(copy);
    return {};
}

Result<> ExtendedAttributes::remove(std::string_view name) {
    if (!is_served(name)) return Errno::eopnotsupp;
    Attribute* attribute = find(name);
    if (attribute == nullptr) return Errno::enodata;
    attribute->unlink();
    delete attribute;
    return {};
}

Result<Text> ExtendedAttributes::names() {
    Text names;
    for (Attribute& attribute : attributes_) names.text(attribute.name.view()).text({"\0", 1});
    HUSK_TRY(names.check());
    return names;
}

}  // namespace husk::fs
