// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The way of packets that need nothing but another address: from driver to driver (native XDP), before the kernel has made anything of them. What is
// not of a flow that is in order, whose way and neighbour are known, goes on to the program director, which sees to all else.
#pragma once
#include "forward.h"

// read_frame reads a packet whose headers have no options and that is whole; 0 if it is another.
inline_always int read_frame(void *data, void *end, struct packet *p)
{
	u16 kind = *(u16 *)(data + 12);
	if (kind == big16(0x0800)) {
		struct ipv4 *ip = data + LINK;
		if ((void *)(ip + 1) > end || ip->version_length != 0x45 || !read_ipv4(ip, LINK, p) || p->piece)
			return 0;
	} else if (kind == big16(0x86dd)) {
		struct ipv6 *ip = data + LINK;
		if ((void *)(ip + 1) > end)
			return 0;
		p->source = ip->source;
		p->destination = ip->destination;
		p->protocol = ip->next;
		p->ttl = ip->hops;
		p->ipv6 = 1;
	} else {
		return 0;
	}
	return (p->protocol == TCP || p->protocol == UDP) && p->ttl > 1;
}

inline_always struct source *source_of(u32 ifindex) { return lookup(&sources, &ifindex); }

// is_ours tells whether a frame is addressed to the interface that it came by.
inline_always int is_ours(const void *data, const struct source *here)
{
	return *(u32 *)data == *(u32 *)here->link && *(u16 *)(data + 4) == *(u16 *)(here->link + 4);
}

// neighbour_on is what packets on a way leave with; NULL if the kernel does not know that.
inline_always struct neighbour *neighbour_on(struct frame *x, const struct way *w, u32 number, u32 now)
{
	u32 at = number - 1;
	struct neighbour *n = lookup(&neighbours, &at);
	if (!n || now - n->told < way_holds)
		return n;
	struct fib f = {.family = w->hop.family, .ifindex = x->ifindex};
	__builtin_memcpy(f.destination, w->hop.address, 16);
	if (fib_lookup(x, &f, sizeof f, 0) != FIB_SUCCESS || f.ifindex != w->ifindex)
		return NULL;
	__builtin_memcpy(n->to, f.to, 6);
	__builtin_memcpy(n->from, f.from, 6);
	n->told = now;
	return n;
}

SEC("xdp") int express(struct frame *x)
{
	void *data = (void *)(u64)x->data, *end = (void *)(u64)x->data_end;
	struct packet p = {};
	struct source *here = source_of(x->ifindex);
	if (!here || data + LINK > end || !is_ours(data, here) || !read_frame(data, end, &p))
		return EXPRESS_PASS;
	struct transport *t = transport_behind(data, end, &p);
	if (!t)
		return EXPRESS_PASS;
	p.source_port = t->source_port;
	p.destination_port = t->destination_port;
	if (p.protocol == TCP)
		p.tcp = t->flags;
	if (p.tcp & (SYN | FIN | RST)) // as steady wants: the flow's memory is not waited for here
		return EXPRESS_PASS;
	u32 now = ticks(), at = find(&p), outward = 0;
	if (at == NO_FLOW) {
		at = find_answered(&p);
		outward = 1;
	}
	struct flow *f = flow_at(at);
	struct whole *whole = whole_at(at);
	if (at == NO_FLOW || !f || !whole || !steady(f, &p, now) || outward && big16(p.destination_port) >= MASK_PORTS)
		return EXPRESS_PASS;
	u8 forward = forward_of(f);
	u32 length = end - data - LINK;
	struct way *w = outward ? remembered(length, f->back, (u16)(now - f->back_told)) : remembered(length, f->way, (u16)(now - f->told));
	if (forward != NAT && forward != DIRECT || !w)
		return EXPRESS_PASS;
	struct source *there = source_of(w->ifindex);
	struct neighbour *n = neighbour_on(x, w, outward ? f->back : f->way, now);
	if (!there || !there->express || !n)
		return EXPRESS_PASS;
	if (outward)
		count_out(f, 1, length);
	else
		count_in(f, 1, length);
	touch(f, now);
	if (forward == NAT)
		readdress(data + LINK, t, &p, f, whole, outward, SUM_WHOLE);
	else
		one_hop_less(data + LINK, &p);
	__builtin_memcpy(data, n->to, 6);
	__builtin_memcpy(data + 6, n->from, 6);
	return w->ifindex == x->ifindex ? EXPRESS_BACK : redirect(w->ifindex, 0);
}
