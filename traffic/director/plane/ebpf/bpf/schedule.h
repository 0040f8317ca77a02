// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Choosing a server for a new connection.
#pragma once
#include "packet.h"

#define NO_SERVER 0xffffffff
#define GONE 0xfffffffe

// slot is the server in a place of a service's table.
inline_always u32 slot(u32 at)
{
	u32 row = at / 16;
	struct slots *s = lookup(&tables, &row);
	return s ? s->server[at % 16] : NO_SERVER;
}

// fresh is the server that may get new connections of a service. A table that is just being replaced may lead astray: hence the look at the service.
inline_always struct server *fresh(u32 at, u32 service)
{
	struct server *s = server_at(at);
	if (!s || s->flags != SERVER_USED || s->service != service || !s->weight)
		return NULL;
	struct load *l = lookup(&loads, &at);
	return l && !l->shut ? s : NULL;
}

struct search {
	u32 service, scheduler, first, size, from;
	u32 best, best_weight;
	u64 best_cost;
};

inline_always u64 cost(u32 scheduler, const struct load *l)
{
	u64 active = l->active > 0 ? l->active : 0, inactive = l->inactive > 0 ? l->inactive : 0;
	if (l->pending > 0)
		active += l->pending;
	switch (scheduler) {
	case SED:
		return active + 1;
	case NQ:
		return active ? active + 1 : 0;
	}
	return active * 256 + inactive + 1;
}

// weigh compares one server with the best so far: the cost by weight, but for lc.
static long weigh(u32 i, struct search *s)
{
	u32 turn = s->from + i, at = slot(s->first + turn % s->size);
	struct server *one = fresh(at, s->service);
	struct load *l = lookup(&loads, &at);
	if (!one || !l)
		return 0;
	u64 costs = cost(s->scheduler, l);
	u32 weight = s->scheduler == LC ? 1 : one->weight;
	if (s->scheduler == OVF) { // the table is in the order of weights
		if (l->active >= (s32)weight)
			return 0;
		s->best = at;
		return 1;
	}
	if (s->best != NO_SERVER && costs * s->best_weight >= s->best_cost * weight)
		return 0;
	s->best = at;
	s->best_weight = weight;
	s->best_cost = costs;
	return s->scheduler == NQ && !costs;
}

// next takes the first server from a place on that may have connections.
static long next(u32 i, struct search *s)
{
	u32 at = slot(s->first + (s->from + i) % s->size);
	if (!fresh(at, s->service))
		return 0;
	s->best = at;
	return 1;
}

inline_always u32 least(struct search *s, struct service *v)
{
	s->from = __sync_fetch_and_add(&v->turn, 1); // so that equals take turns
	if (s->scheduler == OVF)
		s->from = 0;
	repeat(s->size, weigh, s, 0);
	return s->best;
}

// nearby keeps clients' requests for one destination at one server, as long as it is not overloaded (lblc).
inline_always u32 nearby(struct search *s, struct service *v, const struct packet *p)
{
	struct returning k = {p->destination, s->service | 1u << 31};
	struct template *t = lookup(&templates, &k);
	if (t) {
		struct server *one = fresh(t->server, s->service);
		struct load *l = lookup(&loads, &t->server);
		if (one && l && t->generation == one->generation && l->active <= (s32)one->weight)
			return t->server;
	}
	u32 at = least(s, v);
	struct server *one = server_at(at);
	if (one) {
		struct template made = {coarse_time(), at, one->generation};
		update(&templates, &k, &made, UPDATE_ANY);
	}
	return at;
}

// schedule chooses; NO_SERVER if there is none.
__attribute__((noinline)) u32 schedule(u32 service, struct packet *p)
{
	struct service *v = service_at(service);
	if (!v || !p)
		return NO_SERVER;
	u64 place = v->table;
	struct search s = {.service = service, .scheduler = v->scheduler, .first = place >> 32, .size = place, .best = NO_SERVER};
	if (!s.size)
		return NO_SERVER;
	u32 tries = s.size < 64 ? s.size : 64;
	switch (s.scheduler) {
	case RR:
	case WRR:
		s.from = __sync_fetch_and_add(&v->turn, 1) % s.size;
		break;
	case SH:
	case MH:
		s.from = spread(&p->source, v->flags & SERVICE_PORT ? p->source_port : 0) % s.size;
		if (!(v->flags & SERVICE_FALLBACK))
			tries = 1;
		break;
	case DH:
		s.from = spread(&p->destination, 0) % s.size;
		tries = 1;
		break;
	case FO: // the table is in the order of weights
		break;
	case LBLC:
		return nearby(&s, v, p);
	default:
		return least(&s, v);
	}
	u32 at = slot(s.first + s.from);
	if (fresh(at, service))
		return at;
	repeat(tries, next, &s, 0);
	return s.best;
}

inline_always int deterministic(const struct service *v) { return v->scheduler == MH || v->scheduler == SH || v->scheduler == DH; }
