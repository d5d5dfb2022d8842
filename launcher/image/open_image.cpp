// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "launcher/image/file_source.hpp"
#include "launcher/image/image.hpp"
#include "launcher/image/parse_image.hpp"
#include "launcher/image/refuse.hpp"

namespace husk::image {

namespace {

host::FileDescriptor open_file(const std::filesystem::path& path) {
    // O_NONBLOCK: a FIFO without a writer must be refused, not waited for.
    host::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.is_open()) return file;
    switch (errno) {
        case ENOENT:
        case ENOTDIR:
            refuse(host::ExitCode::image_unreadable, path.native(), "does not exist; check the path of the image");
        case EACCES:
            refuse(host::ExitCode::image_unreadable, path.native(), "may not be read by you; check its permissions");
        default:
            refuse(host::ExitCode::image_unreadable, path.native(), "cannot be opened: {}", std::strerror(errno));
    }
}

}  // namespace

Image open_image(const std::filesystem::path& path) {
    host::FileDescriptor file = open_file(path);
    const FileSource source(file, path.native());
    Image image = parse_image(source, path.native());
    image.file = std::move(file);
    return image;
}

}  // namespace husk::image
