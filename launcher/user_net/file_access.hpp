// SPDX-License-Identifier: Apache-2.0
// Landlock for husk-user-net, which reads one file: /etc/resolv.conf, where the host's name servers stand.
#pragma once

namespace husk::user_net {

// From here on only files below /etc and in the folder where /etc/resolv.conf leads can be opened, for reading: the
// file itself is replaced when the host's network changes. true also where the kernel has no Landlock; false: errno
// says what failed. Needs PR_SET_NO_NEW_PRIVS.
[[nodiscard]] bool keep_to_name_server_settings();

}  // namespace husk::user_net
