// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Ranking servers by their loads (lc, wlc, sed, nq, lblc). Behind a service's slots, which are in rows of 16, are rows of costs: one for
// each slot; then the least of each of these rows, and so on, until one row is all. The least cost is found from the last row down, and when one
// changes, as many rows change. rank.go makes the same rows.
#pragma once
#include "packet.h"

#define NO_SERVER 0xffffffff
#define GONE 0xfffffffe

#define RANKED (1u << 31) // in the size of a service's table: ranks are behind its slots
#define SHUT 0xffffffff   // the cost of a server that may not have connections
#define RANKS 4           // rows over rows at most: 65,536 servers

// slot is the server in a place of a service's table.
inline_always u32 slot(u32 at)
{
	u32 row = at / 16;
	struct slots *s = lookup(&tables, &row);
	return s ? s->server[at % 16] : NO_SERVER;
}

// cost is what a server of a scheduler has to do, by its weight: a number with 27 bits, and how often it has been halved for that.
inline_always u32 cost(u8 scheduler, const struct server *s)
{
	u64 active = s->active > 0 ? s->active : 0, inactive = s->inactive > 0 ? s->inactive : 0;
	if (s->pending > 0)
		active += s->pending;
	u64 n;
	switch (scheduler) {
	case SED:
		n = active + 1;
		break;
	case NQ:
		n = active ? active + 1 : 0;
		break;
	default:
		n = active * 256 + inactive + 1;
	}
	n = (n << 20) / (scheduler == LC ? 1 : s->weight);
	u32 halved = 0;
#pragma unroll
	for (u32 by = 16; by; by /= 2) {
		if (n >> (26 + by)) {
			n >>= by;
			halved += by;
		}
	}
	return halved << 27 | (u32)n;
}

// lesser is the smaller one of two numbers: without a jump, which the processor would guess wrong.
inline_always u64 lesser(u64 a, u64 b)
{
	u64 less = a - b, negative = less >> 63;
	asm volatile("" : "+r"(negative)); // or the compiler would make a jump of it
	return a - (less & (negative - 1));
}

// least is the smallest number of a row, and its place there. Four at a time are looked for beside each other, as none waits for another.
inline_always u64 least(const struct slots *row)
{
	u64 best[4];
#pragma unroll
	for (u32 i = 0; i < 16; i++) {
		u64 one = (u64)row->server[i] << 4 | i;
		best[i % 4] = i < 4 ? one : lesser(best[i % 4], one);
	}
	return lesser(lesser(best[0], best[1]), lesser(best[2], best[3]));
}

inline_always u32 rows_of(u32 n) { return (n + 15) / 16; }

// first_ranked is the place of the server with the least to do.
__attribute__((noinline)) u32 first_ranked(u32 first, u32 size)
{
	u32 rows[RANKS], row[RANKS], n = rows_of(size), at = first / 16 + n, place = 0;
#pragma unroll
	for (int i = 0; i < RANKS; i++) {
		rows[i] = n;
		row[i] = at;
		at += n;
		n = rows_of(n);
	}
#pragma unroll
	for (int i = RANKS - 1; i >= 0; i--) {
		if (i && rows[i - 1] == 1)
			continue;
		u32 here = row[i] + place, beside = first / 16 + place;
		struct slots *s = lookup(&tables, &here), *servers = i ? NULL : lookup(&tables, &beside);
		if (!s)
			return 0;
		if (servers) // of the costs in this row: one of them is wanted next
			call_for(servers);
		place = place * 16 + (least(s) & 15);
	}
	return place;
}

// rank puts a server's cost where its service looks for it.
__attribute__((noinline)) u32 rank(u32 server)
{
	struct server *s = server_at(server);
	if (!s)
		return 0;
	struct service *v = service_at(s->service);
	if (!v || !(v->table & RANKED))
		return 0;
	u32 first = v->table >> 32, n = rows_of((u32)v->table & ~RANKED), row = first / 16 + n, place = s->place;
	if (place >= ((u32)v->table & ~RANKED))
		return 0;
	u32 costs = s->flags == SERVER_USED && s->weight && !s->shut ? cost(v->scheduler, s) : SHUT;
#pragma unroll
	for (int i = 0; i < RANKS; i++) {
		u32 here = row + place / 16;
		struct slots *r = lookup(&tables, &here);
		if (!r)
			return 0;
		r->server[place % 16] = costs;
		if (n == 1)
			return 0;
		costs = least(r) >> 4;
		row += n;
		n = rows_of(n);
		place /= 16;
	}
	return 0;
}
