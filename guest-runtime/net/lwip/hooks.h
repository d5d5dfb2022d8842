/* SPDX-License-Identifier: Apache-2.0 */
/* Places where lwIP asks Husk's own code. */
#ifndef HUSK_NET_LWIP_HOOKS_H
#define HUSK_NET_LWIP_HOOKS_H

#include "lwip/ip_addr.h"

#ifdef __cplusplus
extern "C" {
#endif
/* A name server that DHCP told of. */
void dns_setserver(u8_t number, const ip_addr_t* address);
u32_t husk_lwip_sequence_number(const ip_addr_t* local_ip, u16_t local_port, const ip_addr_t* remote_ip,
                                u16_t remote_port);
/* What lwIP's IP layer calls instead of its own functions (lwip.cmake), which these then call. */
struct pbuf;
struct netif;
void husk_tcp_input(struct pbuf* packet, struct netif* interface);
void husk_icmp_input(struct pbuf* packet, struct netif* interface);
void husk_icmp6_input(struct pbuf* packet, struct netif* interface);
/* Instead of ip_input(): a packet that this machine has sent to itself. */
signed char husk_own_input(struct pbuf* packet, struct netif* interface);
void husk_tcp_netif_ip_addr_changed(const ip_addr_t* old_address, const ip_addr_t* new_address);
#ifdef __cplusplus
}
#endif

#define LWIP_HOOK_TCP_ISN husk_lwip_sequence_number

#endif
