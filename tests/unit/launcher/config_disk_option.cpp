// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/disk_option.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "launcher/config/config_file.hpp"
#include "launcher/host/error.hpp"

using namespace husk::config;

namespace {

DiskConfig parsed(std::string_view text) {
    DiskConfig disk;
    CHECK(parse_disk(text, disk) == "");
    return disk;
}

std::string complaint(std::string_view text) {
    DiskConfig disk;
    return parse_disk(text, disk);
}

std::string complaint_of_toml(const std::string& text) {
    LaunchConfig config;
    try {
        read_config(text, "husk.toml", config);
    } catch (const husk::host::Error& error) {
        return error.what();
    }
    return "";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a disk is a file with a mount point and options") {
    CHECK(parsed("data.img").file == "data.img");
    CHECK(parsed("data.img").mount_point.empty());
    CHECK(parsed("data.img:/data").mount_point == "/data");
    CHECK_FALSE(parsed("data.img:/data").read_only);
    CHECK(parsed("data.img:/data:ro").read_only);
    CHECK(parsed("data.img,ro").read_only);
    CHECK(parsed("odd:name:/mnt").file == "odd:name");
    const DiskConfig all = parsed("/x/base.img,overlay=delta.img,cache=none,serial=S1,bps=20M,iops=500:/data");
    CHECK(all.file == "/x/base.img");
    CHECK(all.overlay == "delta.img");
    CHECK(all.cache == DiskCache::none);
    CHECK(all.serial == "S1");
    CHECK(all.bytes_per_second == 20u << 20);
    CHECK(all.operations_per_second == 500);
    CHECK(all.mount_point == "/data");
}

TEST_CASE("a disk has the queues it is given, or one for each vCPU as far as the guest uses them") {
    CHECK(queues_of(parsed("data.img"), 4) == 1);
    CHECK(queues_of(parsed("data.img,queues=2"), 4) == 2);
    CHECK(queues_of(parsed("data.img,queues=auto"), 4) == 4);
    CHECK(queues_of(parsed("data.img,queues=auto"), 16) == disk_queues_max);
    CHECK(complaint("data.img,queues=0") == "queues is '0', but it must be a number from 1 to 8, or auto");
    CHECK(complaint("data.img,queues=9") == "queues is '9', but it must be a number from 1 to 8, or auto");
    CHECK(complaint("data.img,queues=") == "queues is '', but it must be a number from 1 to 8, or auto");
    LaunchConfig config;
    read_config("[[disk]]\nfile = \"data.img\"\nqueues = 3\n[[disk]]\nfile = \"b.img\"\nqueues = \"auto\"\n",
                "husk.toml", config);
    CHECK(config.disks[0].queues == 3);
    CHECK(queues_of(config.disks[1], 2) == 2);
}

TEST_CASE("a disk that makes no sense is refused with a reason") {
    CHECK(contains(complaint(""), "names no file"));
    CHECK(contains(complaint(":/data"), "names no file"));
    CHECK(contains(complaint("a.img,cach=none"), "did you mean 'cache'"));
    CHECK(contains(complaint("a.img,cache=fast"), "writeback, none, unsafe"));
    CHECK(contains(complaint("a.img,ro=yes"), "no value"));
    CHECK(contains(complaint("a.img,iops=0"), "iops is '0'"));
    CHECK(contains(complaint("a.img,bps=many"), "bps is 'many'"));
    CHECK(contains(complaint("a.img,overlay="), "overlay needs a file"));
    CHECK(contains(complaint("a.img,serial=123456789012345678901"), "1 to 20"));
    CHECK(contains(complaint("a.img:/data,ro"), "in front of the mount point"));
    CHECK(contains(complaint("a.img:/"), "mount point"));
    CHECK(contains(complaint("a.img:/a:b"), "colon"));
}

TEST_CASE("a folder is shipped read-only") {
    DiskConfig disk;
    CHECK(parse_directory_disk("./site:/srv", disk) == "");
    CHECK(disk.file == "./site");
    CHECK(disk.mount_point == "/srv");
    CHECK(disk.read_only);
    CHECK(disk.is_directory);
    DiskConfig wrong;
    CHECK(contains(parse_directory_disk("./site", wrong), "HOSTDIR:MOUNT"));
}

TEST_CASE("disks must not contradict each other") {
    CHECK(contains(check_disks(std::array{parsed("a:/x"), parsed("b:/x")}), "two disks are mounted at /x"));
    CHECK(contains(check_disks(std::array{parsed("a,ro,overlay=o")}), "overlay"));
    CHECK(check_disks(std::array{parsed("a:/x"), parsed("b:/y"), parsed("c")}).empty());
}

TEST_CASE("disks are named and mounted as Linux would count them") {
    CHECK(disk_name(0) == "vda");
    CHECK(disk_name(25) == "vdz");
    CHECK(disk_name(26) == "vdaa");
    CHECK(mount_settings(std::array{parsed("a"), parsed("b:/x"), parsed("c:/y:ro")}) ==
          std::vector<std::string>{"mount=vdb:/x", "mount=vdc:/y:ro"});
}

TEST_CASE("husk.toml has disks as tables") {
    LaunchConfig config;
    read_config(
        "[[disk]]\nfile = \"data.img\"\nmount = \"/data\"\ncache = \"unsafe\"\nbps = \"1M\"\niops = 7\n"
        "[[disk]]\ndir = \"site\"\nmount = \"/srv\"\n",
        "/etc/husk.toml", config);
    REQUIRE(config.disks.size() == 2);
    CHECK(config.disks[0].file == "/etc/data.img");
    CHECK(config.disks[0].cache == DiskCache::unsafe);
    CHECK(config.disks[0].bytes_per_second == 1 << 20);
    CHECK(config.disks[0].operations_per_second == 7);
    CHECK(config.disks[1].is_directory);
    CHECK(config.disks[1].read_only);
    CHECK(contains(complaint_of_toml("[[disk]]\nfile = \"a\"\nmout = \"/x\"\n"), "husk.toml:3: unknown key 'mout'"));
    CHECK(contains(complaint_of_toml("[[disk]]\nfile = \"a\"\nmout = \"/x\"\n"), "mount"));
    CHECK(contains(complaint_of_toml("[[disk]]\nmount = \"/x\"\n"), "needs file or dir"));
    CHECK(contains(complaint_of_toml("disk = \"a\"\n"), "[[disk]] tables"));
    CHECK(contains(complaint_of_toml("[[disk]]\nfile = \"a\"\ncache = \"x\"\n"), "husk.toml:3: cache is 'x'"));
}
