// SPDX-License-Identifier: Apache-2.0
// What programs read under /proc and /sys is there, has the usual form, and tells the truth.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
namespace fs = std::filesystem;

namespace {

int in_data = 1;

std::string content(const std::string& path) {
    std::ifstream file(path);
    if (!file) std::fprintf(stderr, "cannot open %s\n", path.c_str());
    check(file.good());
    return {std::istreambuf_iterator<char>(file), {}};
}

bool has_line(const std::string& text, const std::string& beginning) {
    return text.starts_with(beginning) || text.find("\n" + beginning) != std::string::npos;
}

// The permissions of the mapping that holds `address`, from /proc/self/maps.
std::string permissions_of(const void* address) {
    std::istringstream maps(content("/proc/self/maps"));
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0, end = 0;
        char permissions[5] = {};
        check_equal(std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, permissions), 3);
        check(begin < end);
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        if (at >= begin && at < end) return permissions;
    }
    return "none";
}

}  // namespace

int main(int, char** argv) {
    const int on_stack = 0;
    check_equal(permissions_of(reinterpret_cast<void*>(&permissions_of)).substr(0, 3), "r-x");
    check_equal(permissions_of(&in_data).substr(0, 3), "rw-");
    check_equal(permissions_of(&on_stack).substr(0, 3), "rw-");
    check_equal(permissions_of(nullptr), "none");
    passed("/proc/self/maps");

    check(has_line(content("/proc/self/status"), "Name:") && has_line(content("/proc/self/status"), "VmRSS:") &&
          has_line(content("/proc/self/status"), "Threads:"));
    int pid = 0;
    check_equal(std::sscanf(content("/proc/self/stat").c_str(), "%d (", &pid), 1);
    check_equal(pid, getpid());
    long pages = 0, resident = 0;
    check_equal(std::sscanf(content("/proc/self/statm").c_str(), "%ld %ld", &pages, &resident), 2);
    check(pages >= resident && resident > 0);
    const std::string command = content("/proc/self/cmdline");
    check_equal(std::string(command.c_str()), argv[0]);
    passed("/proc/self/{status,stat,statm,cmdline}");

    const fs::path program = fs::read_symlink("/proc/self/exe");
    check(program.is_absolute() && program.filename() == "proc_files");
    check_equal(fs::read_symlink("/proc/self/cwd"), fs::current_path());
    const int fd = open("/dev/null", O_RDONLY);
    check_equal(fs::read_symlink("/proc/self/fd/" + std::to_string(fd)), "/dev/null");
    int open_files = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) open_files += entry.is_symlink() ? 1 : 0;
    check(open_files >= 4);
    close(fd);
    passed("/proc/self/{exe,cwd,fd}");

    check(has_line(content("/proc/cpuinfo"), "processor\t: 0") && has_line(content("/proc/cpuinfo"), "flags\t\t:"));
    unsigned long total_kb = 0;
    check_equal(std::sscanf(content("/proc/meminfo").c_str(), "MemTotal: %lu kB", &total_kb), 1);
    check(total_kb > 16 * 1024 && has_line(content("/proc/meminfo"), "MemAvailable:"));
    check(has_line(content("/proc/stat"), "cpu "));
    check(!content("/proc/loadavg").empty() && !content("/proc/uptime").empty());
    check(has_line(content("/proc/version"), "Linux"));
    check(!content("/proc/sys/kernel/osrelease").empty());
    check(std::stoi(content("/proc/sys/vm/overcommit_memory")) >= 0);
    check(content("/sys/devices/system/cpu/online").starts_with("0"));
    check(std::thread::hardware_concurrency() >= 1);
    passed("/proc and /sys of the machine");
}
