// SPDX-License-Identifier: Apache-2.0
// iperf3's server from Debian's static library, since its source is not on every mirror. argv[1]: how many clients it
// serves.
#include <stdint.h>

#include <iperf_api.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char** words) {
    struct iperf_test* test = iperf_new_test();
    if (test == NULL || iperf_defaults(test) < 0) return 1;
    iperf_set_test_role(test, 's');
    puts("ready");
    fflush(stdout);
    for (int left = count > 1 ? atoi(words[1]) : 1; left > 0; --left) {
        if (iperf_run_server(test) < 0) {
            fprintf(stderr, "%s\n", iperf_strerror(i_errno));
            return 1;
        }
        iperf_reset_test(test);
    }
    iperf_free_test(test);
    return 0;
}
