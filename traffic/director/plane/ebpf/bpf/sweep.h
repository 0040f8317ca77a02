// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Forgetting connections that nobody has used for as long as their state allows. A timer in the kernel looks at a share of the slots at a
// time, so that it works without any process of ours.
#pragma once
#include "track.h"

#define SWEEP_EVERY 125000000ULL // ns
#define SHARES 64                // all slots in 8 s

struct sweep {
	u64 coarse; // ns
	u32 now, first;
};

// keep_client has a client with a connection stay a client of a persistent service.
static void keep_client(const struct flow *f, u32 at, const struct server *s, const struct sweep *now)
{
	struct service *v = service_at(s->service);
	struct settings *table = set();
	struct whole *w = whole_at(at);
	if (!v || !v->persist || !table || !w)
		return;
	struct returning r = {.service = s->service};
	if (is_ipv6(f))
		r.client = w->client;
	else
		map_ipv4(&r.client, f->client);
	mask(&r.client, v->prefix);
	struct template *t = lookup(&templates, &r);
	u64 seen = now->coarse - (now->now - f->seen) * table->tick;
	if (t && t->seen < seen)
		t->seen = seen;
}

static long sweep_one(u32 i, struct sweep *s)
{
	u32 at = s->first + i;
	struct flow *f = flow_at(at);
	if (!f || f->tag <= TAKEN)
		return 0;
	struct server *server = server_at(f->server);
	if (!server || (u16)server->generation != f->generation || expired(f, s->now)) {
		end_flow(f);
		return 0;
	}
	if (f->in_packets || f->out_packets)
		hand_in(f);
	keep_client(f, at, server, s);
	return 0;
}

// rank_one puts right what two processors at the same rank may have left wrong.
static long rank_one(u32 i, u32 *from)
{
	struct server *s = server_at(*from + i);
	if (s && s->flags && s->place != NO_PLACE)
		rank(*from + i);
	return 0;
}

inline_always void sweep_share(u32 share)
{
	u32 slots = flow_mask / SHARES + 1;
	struct sweep s = {coarse_time(), ticks(), share % SHARES * slots};
	repeat(slots, sweep_one, &s, 0);
}

static int tick(void *map, u32 *zero, struct clock *c)
{
	u32 share = c->share++ % SHARES, servers = server_places / SHARES + 1, from = share * servers;
	sweep_share(share);
	repeat(servers, rank_one, &from, 0);
	timer_start(&c->timer, SWEEP_EVERY, 0);
	return 0;
}

// sweep has a process do what the timer does, with the share in the packet's first byte, so that what servers have counted is up to date.
SEC("tc") int sweep(struct __sk_buff *skb)
{
	u8 share;
	if (load_bytes(skb, 0, &share, 1))
		return 1;
	sweep_share(share);
	return 0;
}

SEC("tc") int start_clock(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct clock *c = lookup(&clocks, &zero);
	if (!c)
		return 1;
	timer_init(&c->timer, &clocks, CLOCK_MONOTONIC); // which an earlier version of these programs may have done
	if (timer_set_callback(&c->timer, tick))
		return 3;
	return timer_start(&c->timer, SWEEP_EVERY, 0) ? 4 : 0;
}

// read_clock tells processes what time it is in ticks.
SEC("tc") int read_clock(struct __sk_buff *skb) { return ticks(); }
