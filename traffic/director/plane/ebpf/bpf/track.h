// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The life of a connection: beginning, going on, ending. It begins as one that is pending, until its client goes on after the server has answered, or,
// where answers do not pass us, when the client goes on at all. A beginning that was pushed out by then is found again by
// hash (mh, sh, dh).
#pragma once
#include "flow.h"

// advance moves a flow's state by the flags of a packet.
inline_always void advance(struct flow *f, u8 tcp, u8 protocol, u8 finished)
{
	u8 was = f->state, is = was;
	if (protocol != TCP || !(tcp & (RST | FIN)))
		return;
	hand_in(f);
	if (tcp & RST) {
		is = CLOSED;
	} else {
		f->flags |= finished;
		is = (f->flags & (FINISHED_CLIENT | FINISHED_SERVER)) == (FINISHED_CLIENT | FINISHED_SERVER) ? TIME_WAIT : FIN_WAIT;
	}
	if (is == was || was == CLOSED)
		return;
	int moves = was == ESTABLISHED && !(f->flags & PENDING);
	if (moves)
		weigh(f, -1);
	f->state = is;
	if (moves)
		weigh_on(f, 1);
}

// settle makes a beginning a connection.
inline_always void settle(struct flow *f)
{
	weigh(f, -1);
	count_beginnings(-1);
	f->flags &= ~PENDING;
	if (f->state == SYN_RECV)
		f->state = ESTABLISHED;
	weigh_on(f, 1);
}

// stage is how far a flow has come.
inline_always u32 stage(const struct flow *f) { return f->state | (f->flags & PENDING); }

// tell notes what became of a flow, where connections are exchanged. Of beginnings nothing is told.
inline_always void tell(const struct flow *f, u32 at)
{
	struct settings *s = set();
	u32 zero = 0;
	struct occupancy *o = lookup(&occupied, &zero);
	if (!s || !o || !(s->flags & EXCHANGED) || f->flags & PENDING)
		return;
	u32 number = __sync_fetch_and_add(&o->news, 1), here = number % NEWS;
	struct news *n = lookup(&news, &here);
	if (n)
		*(volatile u64 *)n = at | (u64)(number + 1) << 32;
}

inline_always void mask(struct address *a, u32 bits)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u32 here = bits > 32 ? 32 : bits;
		a->part[i] &= here ? big32(~0u << (32 - here)) : 0;
		bits -= here;
	}
}

// returns_to is the server that a persistent client was at; NO_SERVER if there is none any more. One of weight 0 keeps its clients.
__attribute__((noinline)) u32 returns_to(u32 service, struct packet *p)
{
	struct service *v = service_at(service);
	if (!v || !p)
		return NO_SERVER;
	u64 now = coarse_time();
	struct returning k = {p->source, service};
	mask(&k.client, v->prefix);
	struct template *t = lookup(&templates, &k);
	if (!t || now > t->seen + v->persist * 1000000000ULL)
		return NO_SERVER;
	struct server *s = server_at(t->server);
	if (!s || s->flags != SERVER_USED || s->generation != t->generation || s->service != service)
		return NO_SERVER;
	t->seen = now;
	return t->server;
}

// is_to_return notes where a client is to come back to.
__attribute__((noinline)) int is_to_return(u32 service, struct packet *p, u32 server)
{
	struct service *v = service_at(service);
	struct server *s = server_at(server);
	if (!v || !p || !s)
		return 0;
	struct returning k = {p->source, service};
	mask(&k.client, v->prefix);
	struct template t = {coarse_time(), server, s->generation};
	return !update(&templates, &k, &t, UPDATE_ANY);
}

// choose is the server for a new connection; NO_SERVER if there is none.
__attribute__((noinline)) u32 choose(u32 service, struct packet *p)
{
	struct service *v = service_at(service);
	if (!v || !p)
		return NO_SERVER;
	u32 at = v->persist ? returns_to(service, p) : NO_SERVER;
	if (at != NO_SERVER)
		return at;
	at = schedule(service, p, v);
	if (v->persist && at != NO_SERVER)
		is_to_return(service, p, at);
	return at;
}

// begin notes a connection that is new to us, at a server. It gives its slot; NO_FLOW if there is no room.
__attribute__((noinline)) u32 begin(struct packet *p, u32 server)
{
	if (!p)
		return NO_FLOW;
	u32 now = ticks();
	struct server *s = server_at(server);
	u32 from = shortened(&p->source, p->ipv6);
	struct spot spot = spot_of(from, p->source_port, p->protocol);
	struct settings *table = set();
	if (!s || !table)
		return NO_FLOW;
	u32 at = take(spot.home, now);
	struct flow *f = flow_at(at);
	if (at == NO_FLOW || !f)
		return NO_FLOW;
	f->client = from;
	f->virtual = shortened(&p->destination, p->ipv6);
	f->server_address = p->ipv6 ? shortened(&s->address, 1) : s->ipv4;
	f->client_port = p->source_port;
	f->virtual_port = p->destination_port;
	f->server_port = s->port && s->forward == NAT ? s->port : p->destination_port;
	f->protocol = p->protocol;
	f->state = p->protocol == TCP ? SYN_RECV : DATAGRAMS;
	f->seen = now;
	f->server = server;
	f->generation = s->generation;
	f->checked = table->generation;
	f->flags = PENDING | (p->ipv6 ? IPV6 : 0) | s->forward * FORWARD;
	f->way = now - s->told < way_holds ? s->way : 0;
	f->told = s->told;
	f->back = 0;
	f->in_packets = f->out_packets = 0;
	f->in_bytes = f->out_bytes = 0;
	if (p->ipv6) {
		struct whole *w = whole_at(at);
		if (w) {
			w->client = p->source;
			w->virtual = p->destination;
			w->server = s->address;
		}
	}
	count_beginnings(1);
	weigh_on(f, 1);
	show(f, spot.tag);
	return at;
}
