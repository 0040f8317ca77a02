// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Forgetting connections that nobody has used for as long as their state allows. A timer in the kernel looks at one shard at a time, so
// that it works without any process of ours.
#pragma once
#include "track.h"

#define SWEEP_EVERY 125000000ULL // ns; all shards in 8 s

#define FADES 8 // ticks in which all servers have been visited

struct sweep {
	u64 now;
};

static long sweep_one(void *shard, struct key *k, struct connection *c, struct sweep *s)
{
	struct server *at = server_at(c->server);
	int gone = !at || at->generation != c->generation;
	if (gone || expired(c, s->now)) {
		end_connection(shard, k, c);
		return 0;
	}
	struct service *v = service_at(k->service);
	if (v && v->persist) { // a client with a connection stays a client
		struct returning r = {k->client, k->service};
		mask(&r.client, v->prefix);
		struct template *t = lookup(&templates, &r);
		if (t && t->seen < c->seen)
			t->seen = c->seen;
	}
	return 0;
}

// fade forgets half of the handshakes that are pending at a server.
static long fade(u32 i, u32 *from)
{
	u32 at = *from + i;
	struct load *l = lookup(&loads, &at);
	if (!l)
		return 1;
	if (l->pending)
		l->pending = l->pending > 0 ? l->pending >> 1 : 0;
	return 0;
}

const volatile u32 server_places = 0; // how many there are in the table

static int tick(void *map, u32 *at, struct clock *c)
{
	struct sweep s = {coarse_time()};
	u32 shard = c->shard++ % SHARDS;
	void *connections_of = lookup(&connections, &shard);
	if (connections_of)
		for_each(connections_of, sweep_one, &s, 0);
	u32 share = server_places / FADES, from = shard % FADES * share;
	repeat(share, fade, &from, 0);
	timer_start(&c->timer, SWEEP_EVERY, 0);
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
