# SPDX-License-Identifier: Apache-2.0
# SQLite: its shell, its speed test, and its test suite's program with Tcl in it. How it keeps its promises on a disk is
# ./dev test sqlite.
package=sqlite3 proof=main.mk needs="tcl8.6-dev"

# Of the suite: what SQL means, transactions and their journals, functions, the ways to the file system, and some of all the
# rest. Left out are files that start a second process, and what takes long in an emulated CPU.
suite=(select1 select2 select4 insert update delete index join trans func expr where vacuum pragma journal1 fts4aa
    temptable io tempdb json101 json102 analyzeD analyzeG async4 autoindex2 autoindex5 backup4 backup5 badutf2
    bestindex3 bestindex9 bind2 capi3b capi3e chunksize coalesce collateB columncount cursorhint cursorhint2 distinct2
    e_blobwrite eqp filter2 fts1f fts2k fts3af fts3defer3 fts3expr4 fts4onepass hidden imposter1 interrupt2 jrnlmode
    mallocB mallocM multiplex3 mutex2 nolock numindex1 orderby9 pragma5 printf2 shared7 tkt-80e031a00f
    tkt-a7b7803e tkt-b351d95f9 tkt-cbd054fa6b tkt-d82e3f3721 tkt1514 tkt2285 tkt3493 tkt3731 tkt3832 uri2 vtab8
    zipfile2)

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
    vm_options=(--dir "$here/test:$here/test" --dir /usr/share/tcltk:/usr/share/tcltk --cwd /tmp)
    for test in "${suite[@]}"; do
        expect "$test.test: the same results as natively" same_results "$test"
    done
    known_failure "a test with a second process" "one process" vm ./testfixture "$here/test/lock4.test"
}

# A few of the tests fail natively too, as those do that expect of root that a file's mode stops it.
same_results() { same ./testfixture "$here/test/$1.test" && grep -q ' errors out of [1-9]' "$here.vm"; }
comparable() {
    sed -nE -e '/^(!.*|[^ ]+\.\.\.) ?(expected|got)/Ip' -e 's/^([0-9]+ errors out of [0-9]+ tests).*/\1/p' -e '/^!Failures/p'
}
