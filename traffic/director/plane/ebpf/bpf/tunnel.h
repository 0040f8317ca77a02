// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Wrapping packets: IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 2473), in GRE (RFC 2784) and in UDP (GUE, draft-ietf-intarea-gue, variant 1).
#pragma once
#include "send.h"

inline_always u32 wrapping(const struct server *s)
{
	switch (s->wrap) {
	case WRAP_GRE:
		return 4;
	case WRAP_GUE:
		return 8;
	}
	return 0;
}

// write_inner writes what is between the outer network header and the packet: nothing, GRE or UDP. It returns the outer protocol.
inline_always int write_inner(struct __sk_buff *skb, const struct packet *p, const struct server *s, u32 at, u32 whole)
{
	if (s->wrap == WRAP_GRE) {
		u16 gre[2] = {0, p->ipv6 ? big16(0x86dd) : big16(0x0800)};
		return store_bytes(skb, at, gre, sizeof gre, 0) ? 0 : 47;
	}
	if (s->wrap == WRAP_GUE) { // without a checksum; the source port spreads flows
		u16 udp[4] = {p->source_port | big16(0xc000), s->wrap_port, big16(whole + 8), 0};
		return store_bytes(skb, at, udp, sizeof udp, 0) ? 0 : UDP;
	}
	return p->ipv6 ? 41 : 4;
}

inline_always u16 header_sum(const struct ipv4 *ip)
{
	const u16 *words = (const u16 *)ip;
	u32 sum = 0;
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += words[i];
	return ~folded(sum);
}

inline_always int write_outer(struct __sk_buff *skb, const struct packet *p, const struct server *s, const struct source *from, u32 inner)
{
	u32 extra = wrapping(s);
	if (is_ipv4(&s->address)) {
		struct ipv4 ip = {.version_length = 0x45, .tos = p->tos, .length = big16((u16)(sizeof ip + extra + inner)), .ttl = 64,
			.fragment = p->stays_whole ? big16(0x4000) : 0, .source = from->ipv4.part[3], .destination = s->address.part[3]};
		if (!p->stays_whole)
			ip.identification = random_number();
		ip.protocol = write_inner(skb, p, s, LINK + sizeof ip, inner);
		ip.sum = header_sum(&ip);
		return ip.protocol && !store_bytes(skb, LINK, &ip, sizeof ip, 0);
	}
	struct ipv6 ip = {.version_class_flow = big32(0x60000000 | (u32)p->tos << 20), .length = big16((u16)(extra + inner)), .hops = 64,
		.source = from->ipv6, .destination = s->address};
	ip.next = write_inner(skb, p, s, LINK + sizeof ip, inner);
	return ip.next && !store_bytes(skb, LINK, &ip, sizeof ip, 0);
}

// wrap puts a packet into another one to the server, from the address of the interface it leaves by.
inline_always int wrap(struct __sk_buff *skb, const struct packet *p, const struct server *s, u32 ifindex)
{
	struct source *from = lookup(&sources, &ifindex);
	if (!from)
		return 0;
	u32 inner = skb->len - LINK; // of a segment when the packet is many, which the kernel mends then
	int outer4 = is_ipv4(&s->address);
	u64 flags = ROOM_SAME_SEGMENTS | (outer4 ? ROOM_IPV4 : ROOM_IPV6);
	if (s->wrap == WRAP_GRE)
		flags |= ROOM_GRE;
	if (s->wrap == WRAP_GUE)
		flags |= ROOM_UDP;
	if (adjust_room(skb, (outer4 ? sizeof(struct ipv4) : sizeof(struct ipv6)) + wrapping(s), ROOM_BEHIND_LINK, flags))
		return 0;
	return write_outer(skb, p, s, from, inner);
}
