// SPDX-License-Identifier: Apache-2.0
// Changes a folder until it is killed, and says on stdout what is durable by then: test_crash.py holds it to that.
//
// usage: durable_writer FOLDER ROUND
//   record N    the first N records of FOLDER/log.ROUND are there
//   file N      FOLDER/file.ROUND.N is there, 4 KiB of its number
//   gone N      ... is not there any more
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int kept_files = 20;

void require(bool condition, const char* what) {
    if (condition) return;
    std::perror(what);
    std::exit(1);
}

void say(const char* what, int number) {
    std::printf("%s %d\n", what, number);
    std::fflush(stdout);
}

void append_record(int log, int number) {
    char record[33];
    std::snprintf(record, sizeof record, "%031d\n", number);
    require(write(log, record, 32) == 32, "append");
    require((number % 2 == 0 ? fsync(log) : fdatasync(log)) == 0, "sync the log");
    say("record", number + 1);
}

void make_file(const std::string& name, int number, int folder) {
    std::string temporary = name + ".new";
    int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    require(file >= 0, "create");
    std::vector<int> contents(1024, number);
    require(write(file, contents.data(), 4096) == 4096, "write");
    require(fsync(file) == 0, "sync a file");
    require(close(file) == 0, "close");
    require(rename(temporary.c_str(), name.c_str()) == 0, "rename");
    require(fsync(folder) == 0, "sync the folder");
    say("file", number);
}

// What comes and goes between acknowledgements, so that a crash finds much that is half done.
void stir(const std::string& base, int number) {
    std::string sub = base + "/dir." + std::to_string(number % 7), big = sub + "/big";
    if (number % 14 < 7) {
        require(mkdir(sub.c_str(), 0755) == 0, "mkdir");
        int file = open(big.c_str(), O_WRONLY | O_CREAT, 0644);
        require(file >= 0, "create");
        std::vector<char> bytes(50000 + number % 9 * 30000, 'b');
        require(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
        require(ftruncate(file, number % 5 * 10000) == 0, "truncate");
        require(close(file) == 0, "close");
    } else {
        require(unlink(big.c_str()) == 0, "unlink");
        require(rmdir(sub.c_str()) == 0, "rmdir");
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::string base = argv[1], round = argv[2];
    int folder = open(base.c_str(), O_RDONLY | O_DIRECTORY);
    require(folder >= 0, "open the folder");
    std::string work = base + "/work." + round;
    require(mkdir(work.c_str(), 0755) == 0, "mkdir");
    int log = open((base + "/log." + round).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    require(log >= 0, "open the log");
    require(fsync(folder) == 0, "sync the folder");
    auto name = [&](int number) { return base + "/file." + round + "." + std::to_string(number); };
    for (int number = 0;; ++number) {
        append_record(log, number);
        make_file(name(number), number, folder);
        stir(work, number);
        if (number < kept_files) continue;
        require(unlink(name(number - kept_files).c_str()) == 0, "unlink");
        require(fsync(folder) == 0, "sync the folder");
        say("gone", number - kept_files);
    }
}
