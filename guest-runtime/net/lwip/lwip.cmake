# SPDX-License-Identifier: Apache-2.0
# lwIP's own sources, of the distribution's source package; sets husk_lwip_sources (all), husk_lwip_hot_sources (what
# every packet of TCP passes) and husk_lwip_includes.
set(husk_lwip ${PROJECT_SOURCE_DIR}/build/sources/lwip/src)
if(NOT EXISTS ${husk_lwip}/include/lwip/init.h)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tests/support/fetch_source.sh lwip src/include/lwip/init.h COMMAND_ERROR_IS_FATAL ANY)
endif()
set(husk_lwip_hot_sources inet_chksum pbuf tcp_in tcp_out ipv4/ip4)
set(husk_lwip_sources def init ip mem memp netif tcp udp ipv4/dhcp ipv4/etharp ipv4/icmp ipv4/igmp ipv4/ip4_addr ipv4/ip4_frag
  ipv6/ethip6 ipv6/icmp6 ipv6/inet6 ipv6/ip6 ipv6/ip6_addr ipv6/ip6_frag ipv6/mld6 ipv6/nd6)
foreach(list husk_lwip_sources husk_lwip_hot_sources)
  list(TRANSFORM ${list} PREPEND ${husk_lwip}/core/)
  list(TRANSFORM ${list} APPEND .c)
endforeach()
list(APPEND husk_lwip_sources ${husk_lwip}/netif/ethernet.c ${husk_lwip_hot_sources})
# Calls of lwIP's that go to Husk's own functions first (hooks.h).
set_source_files_properties(${husk_lwip}/core/ipv4/dhcp.c PROPERTIES COMPILE_DEFINITIONS LWIP_DNS=1)
set_source_files_properties(${husk_lwip}/core/ipv4/ip4.c PROPERTIES
  COMPILE_DEFINITIONS "tcp_input=husk_tcp_input;icmp_input=husk_icmp_input")
set_source_files_properties(${husk_lwip}/core/ipv6/ip6.c PROPERTIES
  COMPILE_DEFINITIONS "tcp_input=husk_tcp_input;icmp6_input=husk_icmp6_input")
# How long to go on is decided elsewhere (net/tcp_patience.cpp); lwIP's check of its settings allows for no more than 12.
set_source_files_properties(${husk_lwip}/core/tcp.c PROPERTIES COMPILE_DEFINITIONS "TCP_MAXRTX=255;TCP_SYNMAXRTX=255")
set_source_files_properties(${husk_lwip}/core/netif.c PROPERTIES
  COMPILE_DEFINITIONS "ip_input=husk_own_input;tcp_netif_ip_addr_changed=husk_tcp_netif_ip_addr_changed")
set(husk_lwip_includes ${PROJECT_SOURCE_DIR}/guest-runtime/net/lwip ${husk_lwip}/include)
