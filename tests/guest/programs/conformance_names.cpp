// SPDX-License-Identifier: Apache-2.0
// Names: opening, making, moving and removing them, and what a file takes of its file system.
#include <dirent.h>
#include <sys/statfs.h>

#include "tests/guest/named_file.hpp"

using namespace conformance;

const char* const conformance::folder = "/dev/shm/conformance-names";
const char* const conformance::name = "/dev/shm/conformance-names/file";

namespace {

void files() {
    scenario(SYS_openat, "permissions of a new file", [] {
        umask(027);
        const int fd = open(in("new").c_str(), O_CREAT | O_WRONLY, 06777);
        print_path("new", in("new").c_str());
        close(fd);
        needs(open(in("new").c_str(), O_CREAT | O_WRONLY, 0600));
        print_path("opened again", in("new").c_str());
        umask(022);
        unlink(in("new").c_str());
        close(fd);
    });
    scenario(SYS_openat, "O_TRUNC", [] {
        const int fd = static_cast<int>(needs(open(name, O_RDWR)));
        needs(write(fd, "abc", 3));
        close(static_cast<int>(needs(open(name, O_RDONLY | O_TRUNC))));
        print_path("truncated by a reader", name);
        close(fd);
    });
    scenario(SYS_openat, "O_TMPFILE has no name until it is linked", [] {
        const int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
        holds("opened", fd >= 0);
        struct stat facts;
        if (fd < 0) return;
        fstat(fd, &facts);
        print_stat("unnamed", facts);
        char link[64];
        std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        answers("linked", linkat(AT_FDCWD, link, AT_FDCWD, in("linked").c_str(), AT_SYMLINK_FOLLOW));
        print_path("named", in("linked").c_str());
        unlink(in("linked").c_str());
        close(fd);
    });
    scenario(SYS_open, "a FIFO without a partner", [] {
        const std::string fifo = in("fifo");
        needs(mkfifo(fifo.c_str(), 0644));
        print_path("FIFO", fifo.c_str());
        answers("write, without waiting", open(fifo.c_str(), O_WRONLY | O_NONBLOCK));
        const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
        holds("read, without waiting", reader >= 0);
        answers("nobody writes", read(reader, buffer, 1));
        const int writer = open(fifo.c_str(), O_WRONLY | O_NONBLOCK);
        holds("write, with a reader", writer >= 0);
        answers("nothing is there", read(reader, buffer, 1));
        close(reader);
        close(writer);
        Caller opens([&] { return open(fifo.c_str(), O_RDONLY) >= 0 ? 0 : -1; });
        opens.waits();
        const int partner = open(fifo.c_str(), O_WRONLY);
        answers("opened when the partner comes", opens.join());
        close(partner);
        unlink(fifo.c_str());
        for (int fd = 3; fd < 12; ++fd) close(fd);
    });
    scenario(SYS_unlink, "a file lives until its last descriptor goes", [] {
        const int fd = static_cast<int>(needs(open(in("gone").c_str(), O_CREAT | O_RDWR, 0644)));
        needs(write(fd, "abc", 3));
        unlink(in("gone").c_str());
        struct stat facts;
        fstat(fd, &facts);
        print_stat("removed", facts);
        answers("read", pread(fd, buffer, 10, 0));
        answers("open", open(in("gone").c_str(), O_RDONLY));
        close(fd);
    });
}

void room() {
    scenario(SYS_statfs, "a file takes of what is free; the size is the same", [] {
        struct statfs before = {}, after = {};
        const int fd = static_cast<int>(needs(open(in("large").c_str(), O_CREAT | O_RDWR, 0600)));
        answers("before", statfs(in("large").c_str(), &before));
        for (int i = 0; i < 64; ++i) needs(write(fd, buffer, sizeof buffer));
        answers("after", fstatfs(fd, &after));
        holds("the size is as it was", before.f_blocks == after.f_blocks);
        holds("less is free", before.f_bfree >= after.f_bfree + 512 && after.f_bfree < after.f_blocks);
        close(fd);
        unlink(in("large").c_str());
    });
}

void moves() {
    scenario(SYS_rename, "replaces; hard links of one file stay", [] {
        close(static_cast<int>(needs(open(in("a").c_str(), O_CREAT | O_RDWR, 0600))));
        close(static_cast<int>(needs(open(in("b").c_str(), O_CREAT | O_RDWR, 0644))));
        answers("a to b", rename(in("a").c_str(), in("b").c_str()));
        print_path("a", in("a").c_str());
        print_path("b", in("b").c_str());
        needs(link(in("b").c_str(), in("c").c_str()));
        print_path("b linked", in("b").c_str());
        answers("b to c, the same file", rename(in("b").c_str(), in("c").c_str()));
        print_path("b is still there", in("b").c_str());
        unlink(in("c").c_str());
        print_path("b alone", in("b").c_str());
        unlink(in("b").c_str());
    });
    scenario(SYS_renameat2, "RENAME_EXCHANGE swaps a file and a directory", [] {
        close(static_cast<int>(needs(open(in("a").c_str(), O_CREAT | O_RDWR, 0600))));
        needs(mkdir(in("d").c_str(), 0700));
        answers("swap", renameat2(AT_FDCWD, in("a").c_str(), AT_FDCWD, in("d").c_str(), RENAME_EXCHANGE));
        print_path("a", in("a").c_str());
        print_path("d", in("d").c_str());
        print_path("the folder", folder);
        rmdir(in("a").c_str());
        unlink(in("d").c_str());
    });
    scenario(SYS_rename, "a directory onto an empty one", [] {
        needs(mkdir(in("d").c_str(), 0700));
        needs(mkdir(in("e").c_str(), 0755));
        answers("d to e", rename(in("d").c_str(), in("e").c_str()));
        print_path("e", in("e").c_str());
        print_path("the folder", folder);
        rmdir(in("e").c_str());
    });
    scenario(SYS_getcwd, "of a directory that was removed", [] {
        needs(mkdir(in("d").c_str(), 0700));
        needs(chdir(in("d").c_str()));
        is("inside", getcwd(buffer, 4096) != nullptr ? buffer : "nothing");
        rmdir(in("d").c_str());
        answers("removed", syscall(SYS_getcwd, buffer, 4096));
        answers("create in it", open("x", O_CREAT | O_RDWR, 0644));
        answers("open itself", open(".", O_PATH) >= 0 ? 0 : -1);
        needs(chdir("/"));
    });
    scenario(SYS_getdents64, "all names, once, and again after lseek", [] {
        needs(mkdir(in("d").c_str(), 0700));
        for (int i = 0; i < 40; ++i) close(open((in("d") + "/" + std::to_string(i)).c_str(), O_CREAT | O_RDWR, 0644));
        DIR* open_directory = opendir(in("d").c_str());
        int names = 0, files = 0;
        while (const dirent* entry = readdir(open_directory)) {
            ++names;
            files += entry->d_type == DT_REG;
        }
        is("names", names);
        is("files", files);
        rewinddir(open_directory);
        unlink((in("d") + "/7").c_str());
        names = 0;
        while (readdir(open_directory) != nullptr) ++names;
        is("one less", names);
        closedir(open_directory);
        for (int i = 0; i < 40; ++i) unlink((in("d") + "/" + std::to_string(i)).c_str());
        print_path("emptied", in("d").c_str());
        rmdir(in("d").c_str());
    });
}

}  // namespace

int main() {
    const NamedFile file;
    files();
    room();
    moves();
}
