// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Ranking servers by their loads (lc, wlc, sed, nq, lblc). Behind a service's slots are rows of costs, 16 in each: one for each slot; then the least of
// each of these rows, and so on, until one row is all. When a cost changes, one number in each of some rows does, and the last row leads to
// the server that is next: the service has it at hand, so that a new connection need not look for it. rank.go makes the same rows.
#pragma once
#include "packet.h"

#define NO_SERVER 0xffffffff
#define GONE 0xfffffffe

#define RANKED (1u << 31) // in the size of a service's table: ranks are behind its slots
#define NARROW (1u << 30) // its slots are one byte each,
#define MIDDLE (1u << 29) // or two; or four
#define SLOTS (MIDDLE - 1)
#define SHUT 0xffffffff   // the cost of a server that may not have connections
#define RANKS 4           // rows over rows at most: 65,536 servers

inline_always struct row *row_at(u32 at) { return lookup(&tables, &at); }

inline_always u32 slots_of(u64 table) { return table & SLOTS; }

// slots_in_row tells how many slots of a table are in a row, as an exponent of 2.
inline_always u32 slots_in_row(u64 table) { return table & NARROW ? 6 : table & MIDDLE ? 5 : 4; }

// slot is the server in a place of a service's table.
inline_always u32 slot(const struct service *v, u64 table, u32 place)
{
	struct row *r = row_at((table >> 32) + (place >> slots_in_row(table)));
	if (!r)
		return NO_SERVER;
	if (table & NARROW)
		return v->base + r->narrow[place % 64];
	if (table & MIDDLE)
		return v->base + r->middle[place % 32];
	return v->base + r->wide[place % 16];
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
inline_always u64 least(const struct row *costs)
{
	u64 best[4];
#pragma unroll
	for (u32 i = 0; i < 16; i++) {
		u64 one = (u64)costs->wide[i] << 4 | i;
		best[i % 4] = i < 4 ? one : lesser(best[i % 4], one);
	}
	return lesser(lesser(best[0], best[1]), lesser(best[2], best[3]));
}

inline_always u32 rows_of(u32 n) { return (n + 15) / 16; }

// ranks_at is the first row of costs.
inline_always u32 ranks_at(u64 table)
{
	u32 in_row = slots_in_row(table);
	return (table >> 32) + ((slots_of(table) + (1 << in_row) - 1) >> in_row);
}

// rank puts a server's cost where its service looks for it, and has the service know who is next.
__attribute__((noinline)) u32 rank(u32 server)
{
	struct server *s = server_at(server);
	if (!s)
		return 0;
	struct service *v = service_at(s->service);
	if (!v || !(v->table & RANKED))
		return 0;
	u64 table = v->table, best[RANKS];
	u32 n = rows_of(slots_of(table)), at = ranks_at(table), row[RANKS], place = s->place, on_way = place, last = 0;
	if (place >= slots_of(table))
		return 0;
	u32 costs = s->flags == SERVER_USED && s->weight && !s->shut ? cost(v->scheduler, s) : SHUT;
#pragma unroll
	for (int i = 0; i < RANKS; i++) {
		struct row *r = row_at(at + place / 16);
		if (!r)
			return 0;
		r->wide[place % 16] = costs;
		best[i] = least(r);
		row[i] = at;
		last = i;
		if (n == 1)
			break;
		costs = best[i] >> 4;
		at += n;
		n = rows_of(n);
		place /= 16;
	}
	u32 next = 0;
#pragma unroll
	for (int i = RANKS - 1; i >= 0; i--) {
		if (i > last)
			continue;
		if (next != on_way >> (4 * i + 4)) { // it is not in the row that has just been looked at
			struct row *r = row_at(row[i] + next);
			if (!r)
				return 0;
			best[i] = least(r);
		}
		next = next * 16 + (best[i] & 15);
	}
	v->next = slot(v, table, next);
	v->place = next;
	return 0;
}
