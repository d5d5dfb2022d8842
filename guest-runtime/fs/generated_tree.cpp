// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/generated_tree.hpp"

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/text_file.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs {

namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return {};
    std::uint64_t value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') return {};
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

// 0 is "a", 26 is "aa".
std::optional<std::uint64_t> parse_letters(std::string_view text) {
    if (text.empty() || text.size() > 4) return {};
    std::uint64_t value = 0;
    for (char c : text) {
        if (c < 'a' || c > 'z') return {};
        value = value * 26 + static_cast<unsigned>(c - 'a') + 1;
    }
    return value - 1;
}

void write_letters(TextWriter& to, std::uint64_t value) {
    if (value >= 26) write_letters(to, value / 26 - 1);
    char letter = static_cast<char>('a' + value % 26);
    to.text({&letter, 1});
}

class GeneratedInode final : public Inode {
public:
    GeneratedInode(GeneratedFilesystem& filesystem, const GeneratedNode& node, RefPtr<Inode> parent, std::uint64_t id)
        : Inode(filesystem, node.type), node_(node), parent_(std::move(parent)), id_(id) {}

    Attributes attributes() override {
        std::int64_t now = thread::realtime_ns();
        return {.number = number_of(node_, id_),
                .mode = static_cast<std::uint32_t>(type()) | node_.permissions,
                .links = is_directory() ? 2u : 1u,
                .accessed_ns = now,
                .modified_ns = now,
                .changed_ns = now,
                .born_ns = now};
    }
    Result<> change(const AttributeChange&) override { return {}; }

    RefPtr<Inode> parent() override { return parent_ ? parent_ : RefPtr<Inode>(this); }

    Result<RefPtr<Inode>> lookup(std::string_view name) override {
        if (!is_directory()) return Errno::enotdir;
        for (const GeneratedNode& child : node_.children) {
            if (child.name == name) return make(child, id_);
        }
        if (node_.members == nullptr || !name.starts_with(node_.members->prefix)) return Errno::enoent;
        name.remove_prefix(node_.members->prefix.size());
        auto number = node_.members->in_letters ? parse_letters(name) : parse_number(name);
        if (!number || node_.members->next(*number) != number) return Errno::enoent;
        return make(*node_.members->node, *number);
    }

    Result<> list(std::uint64_t position, DirectoryVisitor& visitor) override {
        constexpr std::uint64_t first_child = 2;
        if (!is_directory()) return Errno::enotdir;
        if (position == 0 && !visitor.visit(".", number_of(node_, id_), type(), 1)) return {};
        std::uint64_t above = parent()->attributes().number;
        if (position <= 1 && !visitor.visit("..", above, type(), first_child)) return {};
        std::uint64_t first_member = first_child + node_.children.size();
        for (std::uint64_t at = std::max(position, first_child); at < first_member; ++at) {
            const GeneratedNode& child = node_.children[at - first_child];
            if (!visitor.visit(child.name, number_of(child, id_), child.type, at + 1)) return {};
        }
        if (node_.members == nullptr) return {};
        std::uint64_t number = position > first_member ? position - first_member : 0;
        while (auto found = node_.members->next(number)) {
            char buffer[32];
            TextWriter writer(buffer);
            writer.text(node_.members->prefix);
            if (node_.members->in_letters) {
                write_letters(writer, *found);
            } else {
                writer.decimal(*found);
            }
            std::string_view name = writer.view();
            number = *found + 1;
            const GeneratedNode& member = *node_.members->node;
            if (!visitor.visit(name, number_of(member, *found), member.type, first_member + number)) return {};
        }
        return {};
    }

    Result<Text> target() override {
        if (type() != FileType::symlink) return Errno::einval;
        return text();
    }
    Result<RefPtr<Inode>> jump() override {
        if (node_.object == nullptr) return RefPtr<Inode>();
        return node_.object(id_);
    }

    Result<RefPtr<File>> open(std::uint32_t flags) override {
        if (type() != FileType::regular) return Inode::open(flags);
        Text contents = HUSK_TRY(text());
        return make_ref_as<File, TextFile>(RefPtr<Inode>(this), flags, std::move(contents), node_.store, id_);
    }
    // What is written replaces the value, so O_TRUNC and truncate() have nothing to do.
    Result<> resize(std::uint64_t) override { return {}; }

private:
    // Stable for a node and member. The tables' addresses differ by more than 8.
    static std::uint64_t number_of(const GeneratedNode& node, std::uint64_t id) {
        // SAFETY: the address is only a number.
        return (reinterpret_cast<std::uintptr_t>(&node) >> 3) + (id << 32);
    }

    Result<RefPtr<Inode>> make(const GeneratedNode& node, std::uint64_t id) {
        return make_ref_as<Inode, GeneratedInode>(static_cast<GeneratedFilesystem&>(filesystem()), node,
                                                  RefPtr<Inode>(this), id);
    }

    Result<Text> text() {
        Text contents;
        if (node_.write_text != nullptr) node_.write_text(contents, id_);
        HUSK_TRY(contents.check());
        return contents;
    }

    const GeneratedNode& node_;
    RefPtr<Inode> parent_;
    std::uint64_t id_;
};

}  // namespace

Result<RefPtr<Inode>> GeneratedFilesystem::root() {
    if (root_ == nullptr) {
        RefPtr<Inode> root = HUSK_TRY((make_ref_as<Inode, GeneratedInode>(*this, *tree_, RefPtr<Inode>(), 0u)));
        root_ = root.leak();
    }
    return RefPtr<Inode>(root_);
}

}  // namespace husk::fs
