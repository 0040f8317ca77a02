// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Rewriting packets and sending them on.
#pragma once
#include "packet.h"

const volatile u32 sum_ipv6 = 0; // SUM_IPV6 where the kernel knows it

enum { WAY = 1, WAY_HERE, WAY_TOO_BIG, NO_WAY };

// segment is the length of a packet, or of each that it will be cut into.
inline_always u32 segment(struct __sk_buff *skb, const struct packet *p)
{
	return skb->gso_size ? skb->gso_size + p->transport - LINK + 20 : skb->len - LINK;
}

// ask_way asks the kernel's routing for the way to an address.
inline_always int ask_way(struct __sk_buff *skb, const struct packet *p, const struct address *to, struct way *w)
{
	int ipv6 = !is_ipv4(to);
	struct fib f = {.family = ipv6 ? INET6 : INET, .protocol = p->protocol, .ifindex = skb->ifindex};
	if (ipv6) {
		__builtin_memcpy(f.source, &p->source, 16);
		__builtin_memcpy(f.destination, to, 16);
	} else {
		f.tos_or_flow = p->tos & 0x1c;
		f.source[0] = p->source.part[3];
		f.destination[0] = to->part[3];
	}
	long result = fib_lookup(skb, &f, sizeof f, 0);
	w->ifindex = f.ifindex;
	w->mtu = result == FIB_NO_NEIGHBOUR ? 0 : f.length_or_mtu;
	w->hop.family = f.family;
	__builtin_memcpy(w->hop.address, f.destination, 16);
	switch (result) {
	case FIB_SUCCESS:
	case FIB_NO_NEIGHBOUR:
		return WAY;
	case FIB_LOCAL:
		return WAY_HERE;
	case FIB_TOO_BIG:
		return WAY_TOO_BIG;
	}
	return NO_WAY;
}

// find_way is the way to an address. What routing said holds for a moment; where rules look at more than the destination, it is asked each time.
inline_always int find_way(struct __sk_buff *skb, const struct packet *p, const struct address *to, struct way *w)
{
	u64 now = coarse_time();
	u32 at = (to->part[3] * 0x9e3779b1u ^ to->part[1] ^ to->part[0]) >> 20;
	struct remembered *r = lookup(&ways, &at);
	struct settings *s = set();
	if (!r || !s || s->flags & ROUTING_RULES)
		return ask_way(skb, p, to, w);
	if (now < r->told + WAY_HOLDS && r->from == skb->ifindex && same_address(&r->to, to) && segment(skb, p) <= r->way.mtu) {
		*w = r->way;
		return WAY;
	}
	int there = ask_way(skb, p, to, w);
	if (there == WAY && w->mtu) {
		r->to = *to;
		r->way = *w;
		r->from = skb->ifindex;
		r->told = now;
	}
	return there;
}

inline_always u16 folded(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

// adjusted is a checksum after a word changed (RFC 1624).
inline_always u16 adjusted(u16 sum, u32 from, u32 to)
{
	u64 n = (u16)~sum + (u64)(u32)~from + to;
	n = (n & 0xffffffff) + (n >> 32);
	n = (n & 0xffff) + (n >> 16);
	n = (n & 0xffff) + (n >> 16);
	return ~folded(n);
}

inline_always struct ipv4 *ipv4_of(struct __sk_buff *skb)
{
	void *data = (void *)(u64)skb->data;
	return data + LINK + sizeof(struct ipv4) > (void *)(u64)skb->data_end ? NULL : data + LINK;
}

inline_always struct ipv6 *ipv6_of(struct __sk_buff *skb)
{
	void *data = (void *)(u64)skb->data;
	return data + LINK + sizeof(struct ipv6) > (void *)(u64)skb->data_end ? NULL : data + LINK;
}

// translate_transport mends the transport's checksum and port for an address or a port that changes. Offloading stays what it was.
inline_always int translate_transport(struct __sk_buff *skb, const struct packet *p, struct address *from, struct address *to, u16 old, u16 port, u32 where)
{
	u32 sum = p->transport + (p->protocol == TCP ? 16 : 6);
	u64 flags = p->protocol == UDP ? SUM_ZERO_STAYS : 0;
	if (p->protocol == SCTP) // its checksum covers neither addresses nor what we could mend: ports stay
		return 1;
	if (p->ipv6) {
		u32 difference = sum_difference(from, 16, to, 16, 0);
		if (l4_sum(skb, sum, 0, difference, flags | SUM_PSEUDO | sum_ipv6))
			return 0;
	} else if (l4_sum(skb, sum, from->part[3], to->part[3], flags | SUM_PSEUDO | 4)) {
		return 0;
	}
	if (old == port)
		return 1;
	return !l4_sum(skb, sum, old, port, flags | 2) && !store_bytes(skb, p->transport + where, &port, 2, 0);
}

// translate_network changes one address, and counts a hop.
inline_always int translate_network(struct __sk_buff *skb, const struct packet *p, struct address *to, int is_source)
{
	if (p->ipv6) {
		struct ipv6 *ip = ipv6_of(skb);
		if (!ip)
			return 0;
		if (is_source)
			ip->source = *to;
		else
			ip->destination = *to;
		ip->hops = p->ttl - 1;
		return 1;
	}
	struct ipv4 *ip = ipv4_of(skb);
	if (!ip)
		return 0;
	u32 *at = is_source ? &ip->source : &ip->destination;
	u16 sum = adjusted(ip->sum, *at, to->part[3]);
	*at = to->part[3];
	ip->sum = adjusted(sum, big16(p->ttl << 8), big16((p->ttl - 1) << 8));
	ip->ttl = p->ttl - 1;
	return 1;
}

// translate gives a packet another destination or source.
inline_always int translate(struct __sk_buff *skb, const struct packet *p, struct address *to, u16 port, int is_source)
{
	struct address from = is_source ? p->source : p->destination;
	u16 old = is_source ? p->source_port : p->destination_port;
	if (p->piece != 2 && !translate_transport(skb, p, &from, to, old, port, is_source ? 0 : 2))
		return 0;
	return translate_network(skb, p, to, is_source);
}

// count_hop takes one from the packet's hops without any other change.
inline_always int count_hop(struct __sk_buff *skb, const struct packet *p)
{
	struct address same = p->destination;
	return translate_network(skb, p, &same, 0);
}

inline_always int go(struct way *w) { return redirect_neighbour(w->ifindex, &w->hop, sizeof w->hop, 0); }
