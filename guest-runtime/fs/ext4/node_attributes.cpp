// SPDX-License-Identifier: Apache-2.0
// Extended attributes of an inode, as the system calls ask for them.
#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/ext4/node.hpp"
#include "guest-runtime/fs/extended_attributes.hpp"

namespace husk::fs::ext4 {

Result<Text> Node::extended_attribute(std::string_view name) {
    AttributeName split = HUSK_TRY(split_attribute_name(name));
    Guard guard(attribute_lock_);
    AttributeList list;
    HUSK_TRY(ext4().attribute_store().load(*this, list));
    AttributeList::Attribute* attribute = list.find(split);
    if (attribute == nullptr) return Errno::enodata;
    return Text::copy_of(attribute->value.view());
}

Result<> Node::set_extended_attribute(std::string_view name, std::string_view value, int flags) {
    AttributeName split = HUSK_TRY(split_attribute_name(name));
    // As Linux has it: only files and directories carry the user's attributes.
    if (name.starts_with("user.") && !is_regular() && !is_directory()) return Errno::eperm;
    Guard guard(attribute_lock_);
    AttributeList list;
    HUSK_TRY(ext4().attribute_store().load(*this, list));
    bool exists = list.find(split) != nullptr;
    if (exists && flags == ExtendedAttributes::create_only) return Errno::eexist;
    if (!exists && flags == ExtendedAttributes::replace_only) return Errno::enodata;
    HUSK_TRY(list.set(split, value));
    return volume().with_room([&]() -> Result<> {
        journal::Handle handle = HUSK_TRY(volume().begin(AttributeStore::credits));
        touch(false);
        return ext4().attribute_store().save(handle, *this, list);
    });
}

Result<> Node::remove_extended_attribute(std::string_view name) {
    AttributeName split = HUSK_TRY(split_attribute_name(name));
    Guard guard(attribute_lock_);
    AttributeList list;
    HUSK_TRY(ext4().attribute_store().load(*this, list));
    AttributeList::Attribute* attribute = list.find(split);
    if (attribute == nullptr) return Errno::enodata;
    list.remove(*attribute);
    journal::Handle handle = HUSK_TRY(volume().begin(AttributeStore::credits));
    touch(false);
    return ext4().attribute_store().save(handle, *this, list);
}

Result<Text> Node::extended_attribute_names() {
    Guard guard(attribute_lock_);
    AttributeList list;
    HUSK_TRY(ext4().attribute_store().load(*this, list));
    Text names;
    for (AttributeList::Attribute& attribute : list.all()) {
        std::string_view prefix = attribute_prefix(attribute.prefix);
        if (!prefix.empty()) names.text(prefix).text(attribute.rest.view()).text({"\0", 1});
    }
    HUSK_TRY(names.check());
    return names;
}

}  // namespace husk::fs::ext4
