// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Learning connections of another director (exchange.go): processes run this on packets that are lessons, one behind the other.
#pragma once
#include "sweep.h"

struct lesson {
	struct address client, virtual;
	u16 client_port, virtual_port;
	u32 server, generation;
	u32 seen; // ticks
	u8 protocol;
	u8 state; // NONE: it is a client that is to come back
	u8 ipv6, zero;
};

// Directors' clocks of connections differ by so many ticks at most, as what is told is how long a connection has left: who says that a connection ends is believed within that.
#define SAME_TIME 16

struct pupil {
	struct __sk_buff *skb;
};

// learn_flow takes a flow up as it is where it was last seen.
inline_always void learn_flow(struct packet *p, const struct lesson *l, struct server *s, u32 generation)
{
	u32 at = find(p);
	struct flow *f = flow_at(at);
	if (at == NO_FLOW) {
		at = begin(p, l->server);
		f = flow_at(at);
		if (at == NO_FLOW || !f)
			return;
		weigh_on(f, -1);
		count_beginnings(-1);
		__sync_fetch_and_add(&s->connections, -1); // it did not begin here
		f->flags = (f->flags & ~PENDING) | ANSWERED;
	} else {
		if (!f || f->server != l->server || f->generation != (u16)l->generation || f->flags & PENDING || (s32)(l->seen - f->seen) < (l->state > f->state ? -SAME_TIME : 0))
			return;
		weigh_on(f, -1);
	}
	f->state = l->state;
	f->seen = l->seen;
	f->flags |= LEARNED;
	f->checked = generation - 1; // so that its first packet is looked at
	weigh_on(f, 1);
}

static long learn_one(u32 i, struct pupil *of)
{
	struct lesson l;
	struct settings *table = set();
	if (load_bytes(of->skb, i * sizeof l, &l, sizeof l) || !table)
		return 1;
	struct server *s = server_at(l.server);
	if (!s || s->flags != SERVER_USED || s->generation != l.generation)
		return 0;
	struct packet p = {.source = l.client, .destination = l.virtual, .source_port = l.client_port, .destination_port = l.virtual_port,
		.protocol = l.protocol, .ipv6 = l.ipv6 & 1};
	u32 service = s->service;
	struct service *v = service_at(service);
	if (l.state)
		learn_flow(&p, &l, s, table->generation);
	if (v && v->persist && (l.state || returns_to(service, &p) == NO_SERVER))
		is_to_return(service, &p, l.server);
	return 0;
}

SEC("tc") int learn(struct __sk_buff *skb)
{
	struct pupil of = {skb};
	repeat(skb->len / sizeof(struct lesson), learn_one, &of, 0);
	return 0;
}
