# SPDX-License-Identifier: Apache-2.0
# usage: testfixture veryquick.tcl FOLDER   names the files of the set that SQLite's own suite in FOLDER calls veryquick
set argv0 [file join [lindex $argv 0] none]
set argv {}
source [file join [file dirname $argv0] permutations.test]
array set veryquick $testspec(veryquick)
foreach file [lsort $veryquick(-files)] { puts [file rootname [file tail $file]] }
