// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The table of connections: one array of slots, each a cache line. A flow belongs in the slot that the hash of its client leads to; when that is not
// free, it is in the line beside it, or in one of some that lie as far apart as the slot's number says, WINDOW in all: so that a place of a window is one slot, and
// no two flows of a window have the same. Who changes a slot takes it first, by its tag; there are no locks.
//
// Beginnings, flows that only one side has been heard of, may have so many of the slots at most; one more takes the place of an older one.
// So a flood of SYNs pushes out other beginnings, and no connection.
#pragma once
#include "schedule.h"

#define WINDOW 32 // slots; also how many connections a client's port may have at a time
#define NO_FLOW 0xffffffff

inline_always struct flow *flow_at(u32 at)
{
	at &= flow_mask;
	return lookup(&flows, &at);
}

inline_always struct whole *whole_at(u32 at)
{
	at &= flow_mask;
	return lookup(&wholes, &at);
}

// shortened is an address in one word: itself, or of IPv6 a hash of it.
inline_always u32 shortened(const struct address *a, int ipv6) { return ipv6 ? spread(a, 0) : a->part[3]; }

struct spot {
	u32 home, tag;
};

inline_always struct spot spot_of(u32 client, u16 port, u8 protocol)
{
	struct settings *s = set();
	u64 n = (u64)client << 32 | (u32)port << 8 | protocol;
	n = (n ^ (s ? s->seed : 0)) * 0xbf58476d1ce4e5b9ULL;
	n = (n ^ n >> 32) * 0x94d049bb133111ebULL;
	return (struct spot){(n >> 32) & flow_mask, (u32)n | 2};
}

// behind is the slot in a place of a window: the first is home.
inline_always u32 behind(u32 home, u32 i) { return (i < 2 ? home ^ i : home + i * (home * 0x9e3779b1 >> 8 | 1)) & flow_mask; }

inline_always u8 forward_of(const struct flow *f) { return f->flags / FORWARD & 3; }

inline_always int is_ipv6(const struct flow *f) { return (f->flags & IPV6) != 0; }

// asks tells whether a client's packet is of a flow; answers_in, whether a server's is.
inline_always int asks(const struct flow *f, u32 at, const struct packet *p, u32 from, u32 to)
{
	if (f->client != from || f->virtual != to || f->client_port != p->source_port || f->virtual_port != p->destination_port ||
	    f->protocol != p->protocol || is_ipv6(f) != p->ipv6)
		return 0;
	if (!p->ipv6)
		return 1;
	struct whole *w = whole_at(at);
	return w && same_address(&w->client, &p->source) && same_address(&w->virtual, &p->destination);
}

inline_always int answers_in(const struct flow *f, u32 at, const struct packet *p, u32 from, u32 to)
{
	if (f->client != to || f->server_address != from || f->client_port != p->destination_port || f->server_port != p->source_port ||
	    f->protocol != p->protocol || is_ipv6(f) != p->ipv6 || forward_of(f) != NAT)
		return 0;
	if (!p->ipv6)
		return 1;
	struct whole *w = whole_at(at);
	return w && same_address(&w->client, &p->destination) && same_address(&w->server, &p->source);
}

inline_always int belongs(const struct flow *f, u32 at, const struct packet *p, u32 from, u32 to, u32 is_answer)
{
	return is_answer ? answers_in(f, at, p, from, to) : asks(f, at, p, from, to);
}

struct wanted {
	struct packet *p;
	u32 home, tag, from, to;
	u32 places; // to look in, by their bits
	u32 is_answer, found;
};

inline_always int is_wanted(struct wanted *w, u32 at)
{
	struct flow *f = flow_at(at);
	if (!f || f->tag != w->tag || !belongs(f, at, w->p, w->from, w->to, w->is_answer))
		return 0;
	w->found = at;
	return 1;
}

static long look_behind(u32 i, struct wanted *w)
{
	return !(w->places >> i) || w->places >> i & 1 && is_wanted(w, behind(w->home, i));
}

// find_away looks for a flow behind the slot where it belongs.
__attribute__((noinline)) u32 find_away(struct packet *p, u64 addresses, u64 spot, u32 places, u32 is_answer)
{
	if (!p)
		return NO_FLOW;
	struct wanted w = {.p = p, .home = spot, .tag = spot >> 32, .from = addresses >> 32, .to = addresses, .places = places, .is_answer = is_answer, .found = NO_FLOW};
	if (places & 2 && is_wanted(&w, behind(w.home, 1)))
		return w.found;
	if (w.places &= ~3u)
		repeat(WINDOW, look_behind, &w, 0);
	return w.found;
}

// find_at looks for the flow of a client's packet, or of a server's answer, from where it belongs; NO_FLOW if there is none.
inline_always u32 find_at(struct spot spot, struct packet *p, u32 is_answer)
{
	u32 from = shortened(&p->source, p->ipv6), to = shortened(&p->destination, p->ipv6);
	struct flow *f = flow_at(spot.home);
	if (f && f->tag == spot.tag && belongs(f, spot.home, p, from, to, is_answer))
		return spot.home;
	return f && f->displaced ? find_away(p, (u64)from << 32 | to, (u64)spot.tag << 32 | spot.home, f->displaced, is_answer) : NO_FLOW;
}

inline_always struct spot spot_asked(struct packet *p) { return spot_of(shortened(&p->source, p->ipv6), p->source_port, p->protocol); }
inline_always struct spot spot_answered(struct packet *p) { return spot_of(shortened(&p->destination, p->ipv6), p->destination_port, p->protocol); }

inline_always u32 find(struct packet *p) { return find_at(spot_asked(p), p, 0); }
inline_always u32 find_answered(struct packet *p) { return find_at(spot_answered(p), p, 1); }

inline_always int expired(const struct flow *f, u32 now)
{
	struct settings *s = set();
	return s && now - f->seen > s->timeout[f->state & 7] && (s32)(now - f->seen) > 0;
}

// usable is a flow's server, as long as the flow is its.
inline_always struct server *usable(const struct flow *f)
{
	struct server *s = server_at(f->server);
	return s && (u16)s->generation == f->generation && s->flags & SERVER_USED ? s : NULL;
}

inline_always void add(s32 *count, s32 by) { __sync_fetch_and_add(count, by); }

inline_always void count_beginnings(s32 by)
{
	u32 zero = 0;
	struct occupancy *o = lookup(&occupied, &zero);
	if (o)
		add(&o->beginnings, by);
}

// limit shuts a server that has enough, and opens it again.
inline_always void limit(struct server *s)
{
	if (!s->upper)
		return;
	u32 all = s->active + s->inactive + s->pending;
	if (all >= s->upper)
		s->shut = 1;
	else if (s->lower ? all < s->lower : all * 4 < s->upper * 3)
		s->shut = 0;
}

inline_always int busy(u8 state) { return state == ESTABLISHED || state == DATAGRAMS; }

// weigh counts a flow among what its server has to do, by what it is; weigh_on has that tell, too, where new connections go.
inline_always struct server *weigh(const struct flow *f, s32 by)
{
	struct server *s = server_at(f->server);
	if (!s || (u16)s->generation != f->generation)
		return NULL;
	if (f->flags & PENDING) {
		add(&s->pending, by);
		if (by < 0)
			__sync_fetch_and_add(&s->connections, 1);
	} else if (busy(f->state)) {
		add(&s->active, by);
	} else {
		add(&s->inactive, by);
	}
	return s;
}

inline_always void weigh_on(const struct flow *f, s32 by)
{
	struct server *s = weigh(f, by);
	if (!s)
		return;
	limit(s);
	if (s->place != NO_PLACE)
		rank(f->server);
}

inline_always struct work *work_of(u32 server)
{
	u32 at = processor() * server_places + server;
	return lookup(&counted, &at);
}

// hand_in gives a server what has been counted of a flow.
inline_always void hand_in(struct flow *f)
{
	struct server *s = server_at(f->server);
	u32 packets = __sync_lock_test_and_set((u32 *)&f->in_packets, 0);
	u32 in = __sync_lock_test_and_set(&f->in_bytes, 0), out = __sync_lock_test_and_set(&f->out_bytes, 0);
	struct work *k = work_of(f->server);
	if (!packets || !k || !s || (u16)s->generation != f->generation)
		return;
	k->in_packets += packets & 0xffff;
	k->out_packets += packets >> 16;
	k->in_bytes += in;
	k->out_bytes += out;
}

// show has everybody see a flow that has been written to a slot.
inline_always void show(struct flow *f, u32 tag)
{
	asm volatile("" ::: "memory"); // nor may the compiler store it earlier
	if (stores_in_order)
		*(volatile u32 *)&f->tag = tag;
	else
		__sync_lock_test_and_set(&f->tag, tag);
}

// leave empties a slot that has been taken from the flow in it.
inline_always void leave(struct flow *f)
{
	hand_in(f);
	weigh_on(f, -1);
	if (f->flags & PENDING)
		count_beginnings(-1);
	if (!f->away)
		return;
	struct flow *home = flow_at(spot_of(f->client, f->client_port, f->protocol).home);
	if (home)
		__sync_fetch_and_and(&home->displaced, ~(1u << (f->away & 31)));
}

// end_flow forgets a flow.
inline_always void end_flow(struct flow *f)
{
	u32 tag = f->tag;
	if (tag <= TAKEN || __sync_val_compare_and_swap(&f->tag, tag, TAKEN) != tag)
		return;
	leave(f);
	show(f, FREE);
}

struct vacancy {
	u32 home, now, crowded;
	u32 taken, oldest, silent; // places
};

static long look_for_room(u32 i, struct vacancy *v)
{
	u32 at = behind(v->home, i);
	struct flow *f = flow_at(at);
	if (!f)
		return 1;
	u32 tag = f->tag;
	if (tag == FREE && !v->crowded && __sync_val_compare_and_swap(&f->tag, FREE, TAKEN) == FREE) {
		v->taken = i;
		return 1;
	}
	if (tag <= TAKEN)
		return 0;
	u32 silence = expired(f, v->now) ? 0x7fffffff : v->now - f->seen;
	if ((f->flags & PENDING || silence == 0x7fffffff) && (v->oldest == NO_FLOW || silence > v->silent)) {
		v->oldest = i;
		v->silent = silence;
	}
	return 0;
}

// take_away finds a slot in the window of a flow whose own is not free, or that is to take a beginning's place: an empty one, one that has expired, or
// the beginning that has been silent for longest. It is TAKEN then. It gives the slot's place in the window.
__attribute__((noinline)) u32 take_away(u32 home, u32 now, u32 crowded)
{
	struct vacancy v = {.home = home, .now = now, .crowded = crowded, .taken = NO_FLOW, .oldest = NO_FLOW};
	repeat(crowded ? WINDOW / 4 : WINDOW, look_for_room, &v, 0);
	if (v.taken != NO_FLOW || v.oldest == NO_FLOW)
		return v.taken;
	struct flow *f = flow_at(behind(home, v.oldest));
	if (!f)
		return NO_FLOW;
	u32 its = f->tag;
	if (its <= TAKEN || __sync_val_compare_and_swap(&f->tag, its, TAKEN) != its)
		return NO_FLOW;
	leave(f);
	return v.oldest;
}

// take_near takes one of the two slots that are most often free: they are in lines beside each other.
inline_always u32 take_near(u32 home)
{
#pragma unroll
	for (u32 i = 0; i < 2; i++) {
		struct flow *f = flow_at(behind(home, i));
		if (f && f->tag == FREE && __sync_val_compare_and_swap(&f->tag, FREE, TAKEN) == FREE)
			return i;
	}
	return NO_FLOW;
}

// take finds a slot for a flow that belongs in one; NO_FLOW if there is none.
inline_always u32 take(u32 at_home, u32 now)
{
	u32 zero = 0;
	struct occupancy *o = lookup(&occupied, &zero);
	struct flow *home = flow_at(at_home);
	if (!o || !home)
		return NO_FLOW;
	u32 place = o->beginnings > (s32)most_beginnings ? take_away(at_home, now, 1) : take_near(at_home);
	if (place == NO_FLOW) // nor is a beginning near, where there are too many: one more does no harm
		place = take_away(at_home, now, 0);
	u32 at = behind(at_home, place);
	struct flow *f = flow_at(at);
	if (place == NO_FLOW || !f)
		return NO_FLOW;
	f->away = place & 31;
	if (f->away)
		__sync_fetch_and_or(&home->displaced, 1u << f->away);
	return at;
}
