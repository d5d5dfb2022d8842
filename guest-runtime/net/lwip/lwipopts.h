/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP as a server's stack: no threads of its own, no fixed pools, large scaled windows. */
#ifndef HUSK_NET_LWIP_LWIPOPTS_H
#define HUSK_NET_LWIP_LWIPOPTS_H

/* The raw API under one lock (net/stack.hpp), whose timers the runtime drives. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_TIMERS 1
#define LWIP_TIMERS_CUSTOM 1
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

/* All memory comes from the runtime's heap as it is needed. */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define mem_clib_malloc husk_lwip_allocate
#define mem_clib_calloc husk_lwip_allocate_zeroed
#define mem_clib_free husk_lwip_release
#define MEMP_NUM_REASSDATA 64
#define IP_REASS_MAX_PBUFS 1024
#define LWIP_PBUF_CUSTOM_DATA
#define LWIP_SUPPORT_CUSTOM_PBUF 1

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ARP 1
#define LWIP_ETHERNET 1
#define LWIP_ICMP 1
#define LWIP_ICMP6 1
#define LWIP_IGMP 1
#define LWIP_IPV6_MLD 1
#define LWIP_MULTICAST_PING 1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_RAW 0
/* glibc resolves names; only the DHCP client is told otherwise, so that it asks for servers. */
#ifndef LWIP_DNS
#define LWIP_DNS 0
#endif
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_DHCP 1
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define DHCP_DOES_ARP_CHECK 0
#define DNS_MAX_SERVERS 3
#define LWIP_IPV6_DHCP6 0
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_NUM_ADDRESSES 6
#define LWIP_ND6_NUM_NEIGHBORS 64
/* lwIP counts these with 8 signed bits. */
#define LWIP_ND6_NUM_DESTINATIONS 120
#define ARP_TABLE_SIZE 127
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 64
#define IP_FRAG 1
#define IP_REASSEMBLY 1
#define LWIP_IPV6_FRAG 1
#define LWIP_IPV6_REASS 1
#define IPV6_FRAG_COPYHEADER 1
#define IP_SOF_BROADCAST 1
#define IP_SOF_BROADCAST_RECV 0
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 1

#define LWIP_HAVE_LOOPIF 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_LOOPBACK_MAX_PBUFS 0
#define LWIP_NETIF_LOOPBACK_MULTITHREADING 0
#define LWIP_LOOPIF_MULTICAST 1
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_EXT_STATUS_CALLBACK 0
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_NETIF_HWADDRHINT 1
#define LWIP_NETIF_TX_SINGLE_PBUF 0
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY 0
#define ETH_PAD_SIZE 0
/* net::device_header_bytes: the driver's header in front of the frame. */
#define PBUF_LINK_ENCAPSULATION_HLEN 12

/* A segment as large as loopback carries; Ethernet's follow from each interface's MTU. */
#define TCP_MSS 65280
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 7
#define TCP_WND (4 * 1024 * 1024)
#define TCP_SND_BUF (8 * 1024 * 1024)
#define TCP_SND_QUEUELEN 0xff00
#define TCP_SNDLOWAT 65536
#define TCP_SNDQUEUELOWAT 64
/* Whoever reads gives the window back in steps that are worth an acknowledgement each (TcpEndpoint::credit). */
#define TCP_WND_UPDATE_THRESHOLD 1
#define TCP_OVERSIZE 0
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES (2 * 1024 * 1024)
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_MAX_SACK_NUM 4
#define LWIP_TCP_TIMESTAMPS 0
#define LWIP_TCP_KEEPALIVE 1
#define TCP_LISTEN_BACKLOG 0
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1
#define LWIP_RANDOMIZE_INITIAL_LOCAL_PORTS 1
/* Fast and slow ticks of 50 and 100 ms: acknowledgements are delayed by at most the one, retransmitted by multiples of
   the other. They run only while a connection has something under way (net/stack_timer.cpp). */
#define TCP_TMR_INTERVAL 50
#define TCP_MSL 1000UL
#define LWIP_TCP_RTO_TIME 1000
#define MEMP_NUM_TCP_PCB 65535
#define MEMP_NUM_TCP_SEG 65535

#define LWIP_STATS 0
#define LWIP_NOASSERT_ON_ERROR 0
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define LWIP_DISABLE_MEMP_SANITY_CHECKS 1
#define LWIP_HOOK_FILENAME "guest-runtime/net/lwip/hooks.h"

#endif
