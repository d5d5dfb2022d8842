// SPDX-License-Identifier: Apache-2.0
// Commits numbered transactions to a database until it is killed, and says each number when its commit has returned:
// test_sqlite.py holds SQLite and the file system below it to that.
//
// usage: writer DATABASE JOURNAL_MODE
// A transaction adds `rows_each` rows to `entry`, removes those of `kept` transactions ago, and sets `progress.last`.
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

constexpr int kept = 100, rows_each = 5;

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

Database open_database(const char* path) {
    sqlite3* database = nullptr;
    int status = sqlite3_open(path, &database);
    Database owner(database);
    if (status == SQLITE_OK) return owner;
    std::fprintf(stderr, "writer: %s: %s\n", path, sqlite3_errmsg(database));
    std::exit(1);
}

void execute(sqlite3* database, const std::string& sql) {
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
    std::fprintf(stderr, "writer: %s: %s\n", sql.c_str(), sqlite3_errmsg(database));
    std::exit(1);
}

long last_transaction(sqlite3* database) {
    long last = 0;
    auto take = [](void* result, int, char** columns, char**) {
        *static_cast<long*>(result) = std::atol(columns[0]);
        return 0;
    };
    if (sqlite3_exec(database, "SELECT last FROM progress", take, &last, nullptr) == SQLITE_OK) return last;
    std::fprintf(stderr, "writer: %s\n", sqlite3_errmsg(database));
    std::exit(1);
}

void commit_one(sqlite3* database, long number) {
    std::string n = std::to_string(number);
    execute(database, "BEGIN");
    for (int row = 0; row < rows_each; ++row)
        execute(database, "INSERT INTO entry VALUES (" + n + ", " + std::to_string(row) +
                              ", replace(hex(zeroblob(200 + " + n + " * 37 % 900)), '0', char(97 + " + n + " % 26)))");
    execute(database, "DELETE FROM entry WHERE number <= " + n + " - " + std::to_string(kept));
    execute(database, "UPDATE progress SET last = " + n);
    execute(database, "COMMIT");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    Database owner = open_database(argv[1]);
    sqlite3* database = owner.get();
    // EXTRA syncs the folder, too: at FULL a commit in mode `delete` may be undone by a journal whose removal was lost.
    // The small cache makes rollback mode write pages to the database before the commit.
    execute(database, std::string("PRAGMA journal_mode = ") + argv[2] +
                          "; PRAGMA synchronous = EXTRA; PRAGMA cache_size = 10; PRAGMA wal_autocheckpoint = 50;"
                          "BEGIN IMMEDIATE;"
                          "CREATE TABLE IF NOT EXISTS entry (number INTEGER, row INTEGER, payload TEXT);"
                          "CREATE UNIQUE INDEX IF NOT EXISTS entry_key ON entry (number, row);"
                          "CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY, last INTEGER);"
                          "INSERT OR IGNORE INTO progress VALUES (1, 0);"
                          "COMMIT");
    for (long number = last_transaction(database) + 1;; ++number) {
        commit_one(database, number);
        std::printf("committed %ld\n", number);
        std::fflush(stdout);
    }
}
