# SPDX-License-Identifier: Apache-2.0
# SQLite: its shell, its speed test, and the set of its own test suite that it calls veryquick. How it keeps its promises on a
# disk is ./dev test sqlite.
package=sqlite3 proof=main.mk needs="tcl8.6-dev"

# What is built in beside the library's defaults, so that the suite does not pass over its tests.
features=(COLUMN_METADATA DBSTAT_VTAB FTS3 FTS3_PARENTHESIS FTS4 FTS5 GEOPOLY MATH_FUNCTIONS MEMSYS5 PREUPDATE_HOOK RBU RTREE
    SESSION SNAPSHOT STAT4 UNLOCK_NOTIFY)
# What its configure finds, and this way of building does not look for. Without usleep it waits in whole seconds.
found=(USLEEP FDATASYNC LOCALTIME_R GMTIME_R)

# A second process is not to be had. Files that end when they cannot start one: they run in the suite's permutation "valgrind",
# its own way to leave out what is shared with other processes.
one_process=(busy2 exists external_reader fts5multiclient mmap1 multiplex2 pager1 rowallock rtreeD savepoint schema3 shared2
    superlock syscall tkt-5d863f876e unixexcl wal wal3 wal5 walro walro2 walsetlk)
# Files in which all depends on one.
second_process=(crash8 lock2 tkt-fc62af4523 walcrash4)
# Single cases that need one, in files that go on without it.
second_process_cases=(lock4-1.2 lock4-1.3 lock4-999.1 pragma3-201 pragma3-400 pragma3-410 pragma3-420 pragma3-430 shared9-3.2
    shared9-3.4 shared9-3.5 shared9-3.6 symlink-1.3 tkt4018-1.3 tkt4018-1.4 tkt4018-2.2 wal-20.2 wal-20.3 wal-20.4)

# Files that run at a time, each natively and then in a VM.
jobs=2

build_app() {
    make -j1 -f main.mk TOP="$PWD" BCC=gcc sqlite3.c shell.c
    husk-cc -O1 -DSQLITE_OMIT_LOAD_EXTENSION shell.c sqlite3.c -lm -o sqlite3
    husk-cc -O1 -DSQLITE_OMIT_LOAD_EXTENSION -I. test/speedtest1.c sqlite3.c -lm -o speedtest1
    make -f main.mk TOP="$PWD" BCC=gcc TCC="husk-cc -O1" AR="ar cr" RANLIB=ranlib NAWK=awk \
        OPTS="-DSQLITE_OMIT_LOAD_EXTENSION ${features[*]/#/-DSQLITE_ENABLE_} ${found[*]/#/-DHAVE_}" \
        TCL_FLAGS=-I/usr/include/tcl8.6 LIBTCL="-ltcl8.6 -lz -lm -ldl" THREADLIB=-lpthread testfixture
    # What the tests read, as one disk: a VM for each file is not to pack its own.
    mkdir suite
    cp -a test ext suite
    cp -a /usr/share/tcltk suite/tcltk
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d suite suite.img 256M
}

check_app() {
    expect "the shell answers as natively" succeeds ./sqlite3 :memory: \
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select sum(i), group_concat(i % 7) from n;"
    expect "an error of SQL is one" same ./sqlite3 :memory: "select nothing"
    expect "speedtest1 runs" vm ./speedtest1 --memdb --size 1
    export TCL_LIBRARY=$here/suite/tcltk/tcl8.6
    vm_options=(--disk "$here/suite.img:$here/suite:ro" --env "TCL_LIBRARY=$TCL_LIBRARY" --cwd /tmp --timeout 300s)
    check_suite
}

# All files run before one is judged, so that the verdicts keep the suite's order.
check_suite() {
    local app=$here file files results=$here/results suite=("$here/testfixture" "$here/suite/test/permutations.test" --verbose=0)
    mapfile -t files < <(./testfixture "$recipe/veryquick.tcl" "$app/suite/test")
    expect "the suite names its files" [ ${#files[@]} -gt 1000 ]
    rm -rf "$results" && mkdir "$results"
    for file in "${files[@]}"; do
        ! is_one_of "$file" "${second_process[@]}" || continue
        while [ "$(jobs -pr | wc -l)" -ge $jobs ]; do wait -n || true; done
        here=$results/$file run_file "$file" &
    done
    wait
    for file in "${files[@]}"; do
        here=$results/$file
        if is_one_of "$file" "${one_process[@]}" "${second_process[@]}"; then
            known_failure "$file.test asks for a second process" "fork child process" \
                vm "${suite[@]}" veryquick "$file.test"
        fi
        is_one_of "$file" "${second_process[@]}" || expect "$file.test: the same results as natively" agreed
    done
    here=$app
    sed -nE 's/^([0-9]+) errors out of ([0-9]+) tests.*/\2 \1/p' "$results"/*.vm |
        awk '{passed += $1 - $2} END {print passed " cases of the suite passed in VMs"}'
}

# run_file FILE   natively and in a VM; what differs is in $here.difference
run_file() {
    local permutation=veryquick folder
    ! is_one_of "$1" "${one_process[@]}" || permutation=valgrind
    folder=$(mktemp -d /dev/shm/husk-sqlite.XXXXXX)
    (cd "$folder" && "${suite[@]}" $permutation "$1.test") </dev/null >"$here.native" 2>&1 || echo "status $?" >>"$here.native"
    rm -rf "$folder"
    vm "${suite[@]}" $permutation "$1.test" </dev/null >"$here.vm" 2>&1 || echo "status $?" >>"$here.vm"
    {
        outcome <"$here.native"
        printf 'failed %s\n' "${second_process_cases[@]}" | grep "^failed $1-" || true
    } | sort -u >"$here.native.outcome"
    outcome <"$here.vm" | sort -u >"$here.vm.outcome"
    diff "$here.native.outcome" "$here.vm.outcome" >"$here.difference" || tail -n 3 "$here.vm" >>"$here.difference"
}

# What a run came to: the number of its cases, those that failed, what it left behind, how it died. One of the files is not for
# root.
outcome() {
    awk '/ errors out of / {print $5, "cases"} /^!Failures on these tests:/ {for (i = 5; i <= NF; i++) print "failed", $i}
        / files were left open|^Unfreed memory|do not work when run as root/ {print} /^status / && $2 > 1 {print}'
}

agreed() { cat "$here.difference" && [ ! -s "$here.difference" ] && [ -s "$here.vm.outcome" ]; }

is_one_of() { [[ " ${*:2} " == *" $1 "* ]]; }
