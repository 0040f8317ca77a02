// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Errors of ICMP: those about a connection's packets go where the packets came from, and we tell a client of packets that are too
// long for the way to its server, or that have come too far.
#pragma once
#include "lookup.h"
#include "tunnel.h"

enum { UNREACHABLE4 = 3, FRAGMENT4 = 4, EXCEEDED4 = 11, UNREACHABLE6 = 1, TOO_BIG6 = 2, EXCEEDED6 = 3 };

struct icmp {
	u8 type, code;
	u16 sum;
	u32 about;
};

inline_always int is_error(int ipv6, u8 type)
{
	return ipv6 ? type < 128 && type : type == UNREACHABLE4 || type == EXCEEDED4 || type == 12 || type == 4;
}

// read_inner reads the packet that an error is about: its addresses and ports. What is about it is the offset of its network header.
__attribute__((noinline)) int read_inner(struct __sk_buff *skb, struct packet *p, struct packet *in)
{
	struct icmp head;
	if (!p || !in)
		return 0;
	if (p->piece || load_bytes(skb, p->transport, &head, sizeof head) || !is_error(p->ipv6, head.type))
		return 0;
	u32 network = in->about = p->transport + sizeof head;
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

// As much of the packet as an error quotes: the network's header and the transport's beginning, all of TCP's, where its checksum is.
#define QUOTE_TCP 20
#define QUOTE 8

struct complaint {
	struct packet back; // from us to where the packet came from
	struct address from;
	u32 quote;
};

inline_always int write_complaint4(struct __sk_buff *skb, const struct packet *p, const struct complaint *c, struct icmp head)
{
	u8 quoted[40] = {};
	u32 at = LINK + sizeof(struct ipv4) + sizeof head;
	struct ipv4 ip = {.version_length = 0x45, .length = big16((u16)(sizeof ip + sizeof head + c->quote)), .ttl = 64, .protocol = ICMP,
		.source = c->from.part[3], .destination = p->source.part[3]};
	if (c->quote == 40 ? load_bytes(skb, at, quoted, 40) : load_bytes(skb, at, quoted, 28))
		return 0;
	u32 sum = sum_difference(NULL, 0, &head, sizeof head, 0);
	head.sum = ~folded(sum_difference(NULL, 0, quoted, sizeof quoted, sum));
	ip.sum = header_sum(&ip);
	return !store_bytes(skb, LINK, &ip, sizeof ip, 0) && !store_bytes(skb, LINK + sizeof ip, &head, sizeof head, 0);
}

inline_always int write_complaint6(struct __sk_buff *skb, const struct packet *p, const struct complaint *c, struct icmp head)
{
	u8 quoted[60] = {};
	u32 at = LINK + sizeof(struct ipv6) + sizeof head;
	struct ipv6 ip = {.version_class_flow = big32(0x60000000), .length = big16((u16)(sizeof head + c->quote)), .next = ICMP6, .hops = 64,
		.source = c->from, .destination = p->source};
	u32 pseudo[2] = {big32(sizeof head + c->quote), big32(ICMP6)};
	if (c->quote == 60 ? load_bytes(skb, at, quoted, 60) : load_bytes(skb, at, quoted, 48))
		return 0;
	u32 sum = sum_difference(NULL, 0, &ip.source, 32, 0);
	sum = sum_difference(NULL, 0, pseudo, sizeof pseudo, sum);
	sum = sum_difference(NULL, 0, &head, sizeof head, sum);
	head.sum = ~folded(sum_difference(NULL, 0, quoted, sizeof quoted, sum));
	return !store_bytes(skb, LINK, &ip, sizeof ip, 0) && !store_bytes(skb, LINK + sizeof ip, &head, sizeof head, 0);
}

// complain turns a packet into an error about itself, back to where it came from.
__attribute__((noinline)) int complain(struct __sk_buff *skb, struct packet *p, u32 outcome)
{
	struct complaint c = {};
	struct way w = {};
	if (!p || p->piece || p->protocol == ICMP || p->protocol == ICMP6)
		return VERDICT_DROP;
	u32 ifindex = skb->ifindex, network = p->ipv6 ? sizeof(struct ipv6) : sizeof(struct ipv4);
	if (p->transport != LINK + network)
		return VERDICT_DROP;
	c.quote = network + (p->protocol == TCP ? QUOTE_TCP : QUOTE);
	struct source *from = lookup(&sources, &ifindex);
	if (!from)
		return VERDICT_DROP;
	c.from = p->ipv6 ? from->ipv6 : from->ipv4;
	c.back.source = c.from;
	c.back.transport = LINK;
	if (ask_way(skb, &c.back, &p->source, &w) == NO_WAY || change_tail(skb, LINK + c.quote, 0) ||
	    adjust_room(skb, network + sizeof(struct icmp), ROOM_BEHIND_LINK, ROOM_SAME_SEGMENTS))
		return VERDICT_DROP;
	struct icmp head = {};
	if (outcome == TOO_LONG) {
		head.type = p->ipv6 ? TOO_BIG6 : UNREACHABLE4;
		head.code = p->ipv6 ? 0 : FRAGMENT4;
		head.about = big32(p->about);
	} else {
		head.type = p->ipv6 ? EXCEEDED6 : EXCEEDED4;
	}
	if (p->ipv6 ? !write_complaint6(skb, p, &c, head) : !write_complaint4(skb, p, &c, head))
		return VERDICT_DROP;
	return go(&w);
}
