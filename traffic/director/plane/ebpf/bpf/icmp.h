// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Errors of ICMP: those about a connection's packets go where the packets came from, and we tell a client of packets that are too
// long for the way to its server, or that have come too far.
#pragma once
#include "track.h"
#include "tunnel.h"

enum { UNREACHABLE4 = 3, EXCEEDED4 = 11, UNREACHABLE6 = 1, TOO_BIG6 = 2, EXCEEDED6 = 3 };

struct icmp {
	u8 type, code;
	u16 sum;
	u32 about;
};

inline_always int is_error(int ipv6, u8 type)
{
	return ipv6 ? type < 128 && type : type == UNREACHABLE4 || type == EXCEEDED4 || type == 12 || type == 4;
}

// read_inner reads the packet that an error is about: its addresses and ports. It gets the offset of its network header.
inline_always int read_inner(struct __sk_buff *skb, const struct packet *p, u32 *at, struct packet *in)
{
	struct icmp head;
	if (p->piece || load_bytes(skb, p->transport, &head, sizeof head) || !is_error(p->ipv6, head.type))
		return 0;
	u32 network = *at = p->transport + sizeof head;
	if (p->ipv6) {
		struct ipv6 ip;
		if (load_bytes(skb, network, &ip, sizeof ip) || !read_ipv6(skb, &ip, network, in))
			return 0;
	} else {
		struct ipv4 ip;
		if (load_bytes(skb, network, &ip, sizeof ip) || !read_ipv4(&ip, network, in))
			return 0;
	}
	u16 ports[2];
	if (in->piece == 2 || load_bytes(skb, in->transport, ports, sizeof ports))
		return 0;
	in->source_port = ports[0];
	in->destination_port = ports[1];
	return in->protocol == TCP || in->protocol == UDP || in->protocol == SCTP;
}

// translate_inner changes an address and a port within an error, and mends the error's checksum. Of IPv4 the inner header's own
// checksum makes up for the address.
inline_always int translate_inner(struct __sk_buff *skb, const struct packet *p, const struct packet *in, u32 at, struct address *to, u16 port, int is_source)
{
	u32 sum = p->transport + 2;
	struct address from = is_source ? in->source : in->destination;
	u16 old = is_source ? in->source_port : in->destination_port;
	if (p->ipv6) {
		u32 difference = sum_difference(&from, 16, to, 16, 0);
		if (l4_sum(skb, sum, 0, difference, 0) || store_bytes(skb, at + (is_source ? 8 : 24), to, 16, 0))
			return 0;
	} else {
		u16 header;
		if (load_bytes(skb, at + 10, &header, 2))
			return 0;
		header = adjusted(header, from.part[3], to->part[3]);
		if (store_bytes(skb, at + 10, &header, 2, 0) || store_bytes(skb, at + (is_source ? 12 : 16), &to->part[3], 4, 0))
			return 0;
	}
	if (old == port)
		return 1;
	return !l4_sum(skb, sum, old, port, 2) && !store_bytes(skb, in->transport + (is_source ? 0 : 2), &port, 2, 0);
}

// translate_error changes an address of the error itself.
inline_always int translate_error(struct __sk_buff *skb, const struct packet *p, struct address *to, int is_source)
{
	if (p->ipv6) {
		struct address from = is_source ? p->source : p->destination;
		u32 difference = sum_difference(&from, 16, to, 16, 0);
		if (l4_sum(skb, p->transport + 2, 0, difference, SUM_PSEUDO | sum_ipv6))
			return 0;
	}
	return translate_network(skb, p, to, is_source);
}

// complain turns a packet into an error about itself, back to where it came from.
__attribute__((noinline)) int complain(struct __sk_buff *skb, struct packet *p, u32 type_code, u32 about)
{
	return VERDICT_DROP;
}

inline_always int too_long(struct __sk_buff *skb, struct packet *p, u32 mtu)
{
	return complain(skb, p, p->ipv6 ? TOO_BIG6 << 8 : UNREACHABLE4 << 8 | 4, mtu);
}

inline_always int too_far(struct __sk_buff *skb, struct packet *p) { return complain(skb, p, (p->ipv6 ? EXCEEDED6 : EXCEEDED4) << 8, 0); }
