// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Choosing a server for a new connection.
#pragma once
#include "rank.h"

// fresh is the server that may get new connections of a service. A table that is just being replaced may lead astray: hence the look at the service.
inline_always struct server *fresh(u32 at, u32 service)
{
	struct server *s = server_at(at);
	return s && s->flags == SERVER_USED && s->service == service && s->weight && !s->shut ? s : NULL;
}

struct search {
	u32 service, first, size, from;
	u32 best, except;
	u32 overflows; // OVF: a server with as many active connections as its weight is full
};

// next takes the first server from a place on that may have connections.
static long next(u32 i, struct search *s)
{
	u32 at = slot(s->first + (s->from + i) % s->size);
	struct server *one = fresh(at, s->service);
	if (!one || at == s->except || s->overflows && one->active >= (s32)one->weight)
		return 0;
	s->best = at;
	return 1;
}

// least_loaded is the server that the ranks lead to.
inline_always u32 least_loaded(u32 service, u32 first, u32 size)
{
	u32 at = slot(first + first_ranked(first, size));
	return fresh(at, service) ? at : NO_SERVER;
}

// nearby keeps clients' requests for one destination at one server, as long as it is not overloaded (lblc).
__attribute__((noinline)) u32 nearby(u32 service, struct packet *p, u32 first, u32 size)
{
	if (!p)
		return NO_SERVER;
	struct returning k = {p->destination, service | 1u << 31};
	struct template *t = lookup(&templates, &k);
	if (t) {
		struct server *one = fresh(t->server, service);
		if (one && t->generation == one->generation && one->active <= (s32)one->weight)
			return t->server;
	}
	u32 at = least_loaded(service, first, size);
	struct server *one = server_at(at);
	if (one) {
		struct template made = {coarse_time(), at, one->generation};
		update(&templates, &k, &made, UPDATE_ANY);
	}
	return at;
}

// search looks from a place on.
__attribute__((noinline)) u32 look_on(u32 service, u64 place, u32 from, u32 tries)
{
	struct search s = {.service = service, .first = place >> 32, .size = (u32)place, .from = from, .best = NO_SERVER, .except = NO_SERVER, .overflows = tries >> 31};
	if (!s.size)
		return NO_SERVER;
	repeat(tries & 0xffff, next, &s, 0);
	return s.best;
}

// another is any server of a service but one.
__attribute__((noinline)) u32 another(u32 service, u32 except)
{
	struct service *v = service_at(service);
	if (!v)
		return NO_SERVER;
	struct search s = {.service = service, .first = v->table >> 32, .size = (u32)v->table & ~RANKED, .from = random_number(), .best = NO_SERVER, .except = except};
	if (!s.size)
		return NO_SERVER;
	s.from %= s.size;
	repeat(s.size < 4096 ? s.size : 4096, next, &s, 0);
	return s.best;
}

// leads is the place in a service's table where its scheduler leads to first.
inline_always u32 leads(struct service *v, struct packet *p, u32 first, u32 size)
{
	switch (v->scheduler) {
	case RR:
	case WRR:
		return v->turn % size;
	case SH:
	case MH:
		return spread(&p->source, v->flags & SERVICE_PORT ? p->source_port : 0) % size;
	case DH:
		return spread(&p->destination, 0) % size;
	case FO: // the table is in the order of weights
		return 0;
	default:
		return first_ranked(first, size);
	}
}

// looks_on tells whether a scheduler goes on to the servers behind one that may not have connections.
inline_always int looks_on(const struct service *v)
{
	u8 by = v->scheduler;
	return by == RR || by == WRR || by == FO || (by == SH || by == MH) && v->flags & SERVICE_FALLBACK;
}

// moves_on has the next connection be the next server's. Two processors may take the same turn: an atomic step would wait for the memory that is on its way.
inline_always void moves_on(struct service *v)
{
	if (v->scheduler == RR || v->scheduler == WRR)
		v->turn++;
}

// draw is the server that a new connection gets if nothing stands against it; NO_SERVER where more has to be looked at. It changes nothing.
inline_always u32 draw(struct service *v, struct packet *p)
{
	u64 place = v->table;
	u32 first = place >> 32, size = (u32)place & ~RANKED;
	if (!size || v->persist || v->scheduler == OVF || v->scheduler == LBLC)
		return NO_SERVER;
	return slot(first + leads(v, p, first, size));
}

// schedule chooses; NO_SERVER if there is none.
inline_always u32 schedule(u32 service, struct packet *p, struct service *v)
{
	u64 place = v->table;
	u32 first = place >> 32, size = (u32)place & ~RANKED;
	if (!size)
		return NO_SERVER;
	if (v->scheduler == OVF)
		return look_on(service, place, 0, (size < 0xffff ? size : 0xffff) | 1u << 31);
	if (v->scheduler == LBLC)
		return nearby(service, p, first, size);
	u32 from = leads(v, p, first, size), at = slot(first + from);
	moves_on(v);
	if (fresh(at, service))
		return at;
	return looks_on(v) ? look_on(service, place, from, size < 64 ? size : 64) : NO_SERVER;
}

inline_always int deterministic(const struct service *v) { return v->scheduler == MH || v->scheduler == SH || v->scheduler == DH; }
