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
__attribute__((noinline)) int ask_way(struct __sk_buff *skb, struct packet *p, struct address *to, struct way *w)
{
	if (!p || !to || !w)
		return NO_WAY;
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

// Routing that looks at more than the destination is asked each time.
inline_always int ways_hold(void)
{
	struct settings *s = set();
	return s && !(s->flags & ROUTING_RULES);
}

#define WAY_STALE 8 // times as long as ways hold

// note_way keeps a way, and gives its number; 0 if there is no room.
__attribute__((noinline)) u32 note_way(struct way *told)
{
	if (!told || !told->mtu)
		return 0;
	u32 now = ticks(), at = mix((u64)told->hop.address[0] << 32 | told->hop.address[3]) + told->ifindex;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u32 here = (at + i) % WAYS;
		struct way *w = lookup(&ways, &here);
		if (!w)
			return 0;
		u32 before = w->told;
		int same = w->ifindex == told->ifindex && w->hop.family == told->hop.family && w->hop.address[0] == told->hop.address[0] &&
			   w->hop.address[1] == told->hop.address[1] && w->hop.address[2] == told->hop.address[2] && w->hop.address[3] == told->hop.address[3];
		if (same) {
			w->told = now;
			w->mtu = told->mtu;
			return here + 1;
		}
		if (w->ifindex && now - before < WAY_STALE * way_holds)
			continue;
		if (__sync_val_compare_and_swap(&w->told, before, now) != before)
			continue;
		w->ifindex = 0; // nobody's, while it is written
		w->mtu = told->mtu;
		w->hop = told->hop;
		w->ifindex = told->ifindex;
		return here + 1;
	}
	return 0;
}

inline_always struct way *way_at(u32 number)
{
	u32 at = number - 1;
	return lookup(&ways, &at);
}

// remembered is the way with a number that was told so many ticks ago, if it holds still and a packet of a length is not too long for it.
inline_always struct way *remembered(u32 length, u32 number, u32 ago)
{
	if (!number || ago >= way_holds || !ways_hold())
		return NULL;
	struct way *w = way_at(number);
	return w && w->ifindex && length <= w->mtu ? w : NULL;
}

// way_to asks for the way to a server, or knows it of an earlier packet.
inline_always int way_to(struct server *s, struct __sk_buff *skb, struct packet *p, struct way *w)
{
	u32 now = ticks();
	struct way *known = remembered(segment(skb, p), s->way, now - s->told);
	if (known) {
		*w = *known;
		return WAY;
	}
	struct address to = s->address;
	int there = ask_way(skb, p, &to, w);
	if (there == WAY) {
		s->way = note_way(w);
		s->told = now;
	}
	return there;
}

// learn_way_to_server tells the way to a server, and a flow of it.
__attribute__((noinline)) int learn_way_to_server(struct __sk_buff *skb, struct packet *p, u32 server, u32 flow, struct way *w)
{
	struct server *s = server_at(server);
	if (!s || !p || !w)
		return NO_WAY;
	u32 now = ticks();
	int there = way_to(s, skb, p, w);
	struct flow *f = flow_at(flow);
	if (flow == NO_FLOW || !f || there != WAY)
		return there;
	f->way = s->way;
	f->told = s->told;
	if ((u16)(now - f->back_told) >= way_holds)
		f->back = 0;
	return there;
}

// learn_way_to_client asks for the way to a flow's client.
__attribute__((noinline)) int learn_way_to_client(struct __sk_buff *skb, struct packet *p, u32 flow, struct way *w)
{
	struct flow *f = flow_at(flow);
	if (!f || !p || !w)
		return NO_WAY;
	u32 now = ticks();
	struct address to = p->destination;
	int there = ask_way(skb, p, &to, w);
	if (there != WAY)
		return there;
	f->back = note_way(w);
	f->back_told = now;
	if ((u16)(now - f->told) >= way_holds)
		f->way = 0;
	return there;
}

// adjusted is a checksum after a word changed (RFC 1624).
inline_always u16 adjusted(u16 sum, u32 from, u32 to)
{
	return ~folded((u64)(u16)~sum + (u32)~from + to);
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

// sum_kind is how far a packet's checksum is made; SUM_UNTOLD where the kernel does not tell.
inline_always u32 sum_kind(struct __sk_buff *skb)
{
	if (!bpf_cast_to_kern_ctx)
		return SUM_UNTOLD;
	struct sk_buff *k = bpf_cast_to_kern_ctx(skb);
	u64 byte = *(u8 *)((void *)k + __builtin_preserve_field_info(k->ip_summed, 0)); // the offset of the byte that it is in
	byte <<= __builtin_preserve_field_info(k->ip_summed, 4);
	return byte >> __builtin_preserve_field_info(k->ip_summed, 5);
}

// mend_sum mends a transport's checksum in place.
inline_always void mend_sum(u16 *sum, int is_udp, u32 kind, u64 address, u64 ports)
{
	if (kind == SUM_PARTIAL) {
		*sum = folded(*sum + address); // so far it is the pseudo header's alone, which has the address and not the port
		return;
	}
	if (is_udp && !*sum)
		return;
	u16 mended = ~folded((u64)(u16)~*sum + address + ports);
	*sum = is_udp && !mended ? 0xffff : mended;
}

inline_always u64 change_of_address(const struct address *from, const struct address *to)
{
	u64 change = 0;
#pragma unroll
	for (int i = 0; i < 4; i++)
		change += (u64)(u32)~from->part[i] + to->part[i];
	return change;
}

// readdress gives a packet another destination or source, all of it in place, as its flow says.
inline_always void readdress(void *network, struct transport *t, const struct packet *p, const struct flow *f, const struct whole *whole, int is_source, u32 kind)
{
	u64 address;
	if (p->ipv6) {
		struct ipv6 *ip = network;
		struct address *at = is_source ? &ip->source : &ip->destination;
		const struct address *to = is_source ? &whole->virtual : &whole->server;
		address = change_of_address(at, to);
		*at = *to;
		ip->hops = p->ttl - 1;
	} else {
		struct ipv4 *ip = network;
		u32 *at = is_source ? &ip->source : &ip->destination, to = is_source ? f->virtual : f->server_address;
		address = (u64)(u32)~*at + to;
		*at = to;
		ip->sum = ~folded((u64)(u16)~ip->sum + address + (u16)~1); // one hop less in the lower byte
		ip->ttl = p->ttl - 1;
	}
	u16 *port = is_source ? &t->source_port : &t->destination_port, to = is_source ? f->virtual_port : f->server_port;
	u64 ports = (u64)(u16)~*port + to;
	*port = to;
	if (p->protocol == TCP)
		mend_sum(&t->tcp_sum, 0, kind, address, ports);
	else
		mend_sum(&t->udp_sum, 1, kind, address, ports);
}

inline_always void one_hop_less(void *network, const struct packet *p)
{
	if (p->ipv6) {
		((struct ipv6 *)network)->hops = p->ttl - 1;
		return;
	}
	struct ipv4 *ip = network;
	ip->sum = ~folded((u64)(u16)~ip->sum + (u16)~1);
	ip->ttl = p->ttl - 1;
}

// rewrite readdresses a usual packet. It cannot where the checksum is none of the two kinds that it knows.
inline_always int rewrite(struct __sk_buff *skb, const struct packet *p, const struct flow *f, const struct whole *whole, int is_source)
{
	u32 kind = sum_kind(skb);
	struct transport *t = transport_of(skb, p);
	if (!p->usual || kind == SUM_COMPLETE || kind == SUM_UNTOLD || !t)
		return 0;
	readdress((void *)(u64)skb->data + LINK, t, p, f, whole, is_source, kind);
	return 1;
}
