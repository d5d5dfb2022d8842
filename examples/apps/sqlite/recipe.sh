# SPDX-License-Identifier: Apache-2.0
# SQLite: its shell, its speed test, and its test suite's program with Tcl in it. How it keeps its promises on a disk is
# ./dev test sqlite.
# Written, and not run through yet: ./dev apps runs it only by name.
unproven=1
package=sqlite3 proof=main.mk needs="tcl8.6-dev"

# Of the suite: what SQL means, transactions and their journals, functions, and the ways to the file system.
suite=(select1 select2 select4 insert update delete index join trans savepoint func expr where vacuum pragma lock4 wal
    mmap1 journal1 fts4aa json1 temptable io tempdb)

build_app() {
    make -j1 -f main.mk TOP="$PWD" BCC=gcc sqlite3.c shell.c
    husk-cc -O1 -DSQLITE_OMIT_LOAD_EXTENSION shell.c sqlite3.c -lm -o sqlite3
    husk-cc -O1 -DSQLITE_OMIT_LOAD_EXTENSION -I. test/speedtest1.c sqlite3.c -lm -o speedtest1
    make -f main.mk TOP="$PWD" BCC=gcc TCC="husk-cc -O0" AR="ar cr" RANLIB=ranlib NAWK=awk \
        OPTS="-DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_ENABLE_FTS3 -DSQLITE_ENABLE_FTS4" TCL_FLAGS=-I/usr/include/tcl8.6 \
        LIBTCL="-ltcl8.6 -lz -lm -ldl" THREADLIB=-lpthread testfixture
}

check_app() {
    expect "the shell answers as natively" succeeds ./sqlite3 :memory: \
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select sum(i), group_concat(i % 7) from n;"
    expect "an error of SQL is one" same ./sqlite3 :memory: "select nothing"
    expect "speedtest1 runs" vm ./speedtest1 --memdb --size 1
    vm_options=(--dir "$here:$here" --dir /usr/share/tcltk:/usr/share/tcltk --cwd /tmp)
    for test in "${suite[@]}"; do
        expect "$test.test passes" passes "$here/test/$test.test"
    done
}

# The suite ends with its count of errors as the status, and says it.
passes() {
    vm ./testfixture "$1" >"$here.suite" 2>&1
    local status=$?
    tail -n 20 "$here.suite"
    [ "$status" = 0 ] && grep -q '^0 errors out of [1-9]' "$here.suite"
}
