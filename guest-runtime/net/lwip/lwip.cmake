# SPDX-License-Identifier: Apache-2.0
# lwIP's own sources, of the distribution's source package; sets husk_lwip_sources (all), husk_lwip_rare_sources and
# husk_lwip_includes.
set(husk_lwip ${PROJECT_SOURCE_DIR}/build/sources/lwip/src)
if(NOT EXISTS ${husk_lwip}/include/lwip/init.h)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tests/support/fetch_source.sh lwip src/include/lwip/init.h COMMAND_ERROR_IS_FATAL ANY)
endif()
set(husk_lwip_sources inet_chksum ip pbuf tcp tcp_in tcp_out udp ipv4/ip4 ipv6/ip6)
set(husk_lwip_rare_sources def init mem memp netif ipv4/dhcp ipv4/etharp ipv4/icmp ipv4/igmp ipv4/ip4_addr ipv4/ip4_frag
  ipv6/ethip6 ipv6/icmp6 ipv6/inet6 ipv6/ip6_addr ipv6/ip6_frag ipv6/mld6 ipv6/nd6)
foreach(list husk_lwip_sources husk_lwip_rare_sources)
  list(TRANSFORM ${list} PREPEND ${husk_lwip}/core/)
  list(TRANSFORM ${list} APPEND .c)
endforeach()
list(APPEND husk_lwip_sources ${husk_lwip}/netif/ethernet.c ${husk_lwip_rare_sources})
set(husk_lwip_includes ${PROJECT_SOURCE_DIR}/guest-runtime/net/lwip ${husk_lwip}/include)
