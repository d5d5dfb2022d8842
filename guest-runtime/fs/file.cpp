// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/file.hpp"

#include "guest-runtime/fs/epoll.hpp"
#include "guest-runtime/fs/path.hpp"

namespace husk::fs {

Result<> File::set_place(RefPtr<Inode> directory, std::string_view name) {
    place_name_ = HUSK_TRY(Text::copy_of(name));
    place_directory_ = std::move(directory);
    return {};
}

Result<Text> File::path_text() {
    Text text = HUSK_TRY(inode_->description());
    if (text.size() != 0) return text;
    if (inode_->is_directory()) return path_of_directory(*inode_);
    if (!place_directory_) return Text::copy_of("/");
    text = HUSK_TRY(path_of_directory(*place_directory_));
    if (text.view() != "/") text.text("/");
    text.text(place_name_.view());
    auto found = lookup_in(*place_directory_, place_name_.view());
    if (!found.ok() || !is_same_inode(*found.value(), *inode_)) text.text(" (deleted)");
    HUSK_TRY(text.check());
    return text;
}

void File::on_last_close() {
    Epoll::forget(*this);
    inode_->locks().release_all(this);
}

}  // namespace husk::fs
