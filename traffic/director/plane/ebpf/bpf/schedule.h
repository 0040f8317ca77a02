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
	u64 table;
	u32 service, from;
	u32 best, except;
	u32 overflows; // OVF: a server with as many active connections as its weight is full
};

// next takes the first server from a place on that may have connections.
static long next(u32 i, struct search *s)
{
	struct service *v = service_at(s->service);
	u32 size = slots_of(s->table);
	if (!v || !size)
		return 1;
	u32 at = slot(v, s->table, (s->from + i) % size);
	struct server *one = fresh(at, s->service);
	if (!one || at == s->except || s->overflows && one->active >= (s32)one->weight)
		return 0;
	s->best = at;
	return 1;
}

// least_loaded is the server that the ranks lead to. Where two processors have changed ranks at once, the one at hand may be one that has closed since: then they are looked at again.
inline_always u32 least_loaded(u32 service, struct service *v)
{
	u32 at = v->next;
	if (fresh(at, service))
		return at;
	rank(slot(v, v->table, 0));
	at = v->next;
	return fresh(at, service) ? at : NO_SERVER;
}

// nearby keeps clients' requests for one destination at one server, as long as it is not overloaded (lblc).
__attribute__((noinline)) u32 nearby(u32 service, struct packet *p)
{
	struct service *v = service_at(service);
	if (!p || !v)
		return NO_SERVER;
	struct returning k = {p->destination, service | 1u << 31};
	struct template *t = lookup(&templates, &k);
	if (t) {
		struct server *one = fresh(t->server, service);
		if (one && t->generation == one->generation && one->active <= (s32)one->weight)
			return t->server;
	}
	u32 at = least_loaded(service, v);
	struct server *one = server_at(at);
	if (one) {
		struct template made = {coarse_time(), at, one->generation};
		update(&templates, &k, &made, UPDATE_ANY);
	}
	return at;
}

// search looks from a place on.
__attribute__((noinline)) u32 look_on(u32 service, u64 table, u32 from, u32 tries)
{
	struct search s = {.table = table, .service = service, .from = from, .best = NO_SERVER, .except = NO_SERVER, .overflows = tries >> 31};
	repeat(tries & 0xffff, next, &s, 0);
	return s.best;
}

// another is any server of a service but one.
__attribute__((noinline)) u32 another(u32 service, u32 except)
{
	struct service *v = service_at(service);
	if (!v)
		return NO_SERVER;
	struct search s = {.table = v->table, .service = service, .from = random_number(), .best = NO_SERVER, .except = except};
	u32 size = slots_of(s.table);
	if (!size)
		return NO_SERVER;
	s.from %= size;
	repeat(size < 4096 ? size : 4096, next, &s, 0);
	return s.best;
}

// leads is the place in a service's table where its scheduler leads to first, if it does not look at loads.
inline_always u32 leads(struct service *v, struct packet *p, u32 size)
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
	default: // FO: the table is in the order of weights
		return 0;
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
	u64 table = v->table;
	u32 size = slots_of(table);
	if (!size || v->persist || v->scheduler == OVF || v->scheduler == LBLC)
		return NO_SERVER;
	return table & RANKED ? v->next : slot(v, table, leads(v, p, size));
}

// schedule chooses; NO_SERVER if there is none.
inline_always u32 schedule(u32 service, struct packet *p, struct service *v)
{
	u64 table = v->table;
	u32 size = slots_of(table);
	if (!size)
		return NO_SERVER;
	if (v->scheduler == OVF)
		return look_on(service, table, 0, (size < 0xffff ? size : 0xffff) | 1u << 31);
	if (v->scheduler == LBLC)
		return nearby(service, p);
	if (table & RANKED)
		return least_loaded(service, v);
	u32 from = leads(v, p, size), at = slot(v, table, from);
	moves_on(v);
	if (fresh(at, service))
		return at;
	return looks_on(v) ? look_on(service, table, from, size < 64 ? size : 64) : NO_SERVER;
}

inline_always int deterministic(const struct service *v) { return v->scheduler == MH || v->scheduler == SH || v->scheduler == DH; }
