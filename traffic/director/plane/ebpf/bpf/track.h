// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The connections: beginning, going on, ending.
//
// What begins is in an LRU table of its own (beginnings), whatever the scheduler: a flood of SYNs pushes out other beginnings, and
// no connection. It moves to connections when its client goes on after the server has answered, or, where answers do not pass us,
// when the client goes on at all. A beginning that was pushed out by then is found again by hash (mh, sh, dh).
#pragma once
#include "schedule.h"

inline_always void add(s32 *count, s32 by) { __sync_fetch_and_add(count, by); }

// opened and closed keep count of what a server has.
inline_always void limit(u32 at, struct load *l)
{
	struct server *s = server_at(at);
	if (!s || !s->upper)
		return;
	u32 all = l->active + l->inactive;
	if (all >= s->upper)
		l->shut = 1;
	else if (s->lower ? all < s->lower : all * 4 < s->upper * 3)
		l->shut = 0;
}

inline_always int busy(u8 state) { return state == ESTABLISHED || state == DATAGRAMS; }

inline_always void count_connection(const struct connection *c, s32 by)
{
	struct load *l = lookup(&loads, &c->server);
	struct server *s = server_at(c->server);
	if (!l || !s || s->generation != c->generation)
		return;
	if (busy(c->state))
		add(&l->active, by);
	else
		add(&l->inactive, by);
	limit(c->server, l);
}

// advance moves a connection's state by the flags of a packet.
inline_always void advance(struct connection *c, u8 tcp, u8 protocol, u8 finished)
{
	u8 was = c->state, is = was;
	if (protocol != TCP)
		return;
	if (tcp & RST) {
		is = CLOSED;
	} else if (tcp & FIN) {
		c->flags |= finished;
		is = (c->flags & (FINISHED_CLIENT | FINISHED_SERVER)) == (FINISHED_CLIENT | FINISHED_SERVER) ? TIME_WAIT : FIN_WAIT;
	}
	if (is == was || was == CLOSED)
		return;
	if (was == ESTABLISHED) {
		struct load *l = lookup(&loads, &c->server);
		if (l) {
			add(&l->active, -1);
			add(&l->inactive, 1);
		}
	}
	c->state = is;
}

inline_always void end_connection(void *shard, const struct key *k, const struct connection *c)
{
	struct connection copy = *c;
	if (!erase(shard, k))
		count_connection(&copy, -1);
}

inline_always int expired(const struct connection *c, u64 now)
{
	struct settings *s = set();
	return s && now > c->seen + s->timeout[c->state & 7];
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
inline_always u32 returns_to(struct service *v, struct returning *k, u64 now)
{
	struct template *t = lookup(&templates, k);
	if (!t || now > t->seen + v->persist * 1000000000ULL)
		return NO_SERVER;
	struct server *s = server_at(t->server);
	if (!s || s->flags != SERVER_USED || s->generation != t->generation || s->service != k->service)
		return NO_SERVER;
	t->seen = now;
	return t->server;
}

__attribute__((noinline)) u32 choose(u32 service, struct packet *p)
{
	struct service *v = service_at(service);
	if (!v || !p)
		return NO_SERVER;
	if (!v->persist)
		return schedule(service, p);
	u64 now = coarse_time();
	struct returning k = {p->source, service};
	mask(&k.client, v->prefix);
	u32 at = returns_to(v, &k, now);
	if (at != NO_SERVER)
		return at;
	at = schedule(service, p);
	struct server *s = server_at(at);
	if (s) {
		struct template t = {now, at, s->generation};
		update(&templates, &k, &t, UPDATE_ANY);
	}
	return at;
}

inline_always void pend(u32 server, s32 by)
{
	struct load *l = lookup(&loads, &server);
	if (l)
		add(&l->pending, by);
}

inline_always struct counters *counters_of(u32 server) { return lookup(&counted, &server); }

// begin notes a connection that is new to us, at a server.
inline_always int begin(const struct key *k, const struct packet *p, u32 at, struct connection *c, u64 now)
{
	struct server *s = server_at(at);
	if (!s)
		return 0;
	c->seen = now;
	c->server = at;
	c->generation = s->generation;
	c->state = p->protocol == TCP ? SYN_RECV : DATAGRAMS;
	c->flags = PENDING;
	c->virtual = p->destination;
	pend(at, 1);
	struct counters *n = counters_of(at);
	if (n)
		n->connections++;
	return 1;
}

// settle moves a beginning to the connections. Where there is no room it stays what it is.
inline_always void settle(void *shard, const struct key *k, struct connection *half, u8 protocol)
{
	struct connection c = *half;
	c.state = protocol == TCP ? ESTABLISHED : DATAGRAMS;
	c.flags &= ~PENDING;
	if (update(shard, k, &c, UPDATE_NEW))
		return;
	erase(&beginnings, k);
	if (half->flags & PENDING)
		pend(c.server, -1);
	count_connection(&c, 1);
}
