// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// What the first packet of a connection is going to need of memory. It would wait for one line after the other: to see that there is no flow, to choose a
// server, to count what the server has to do. So it asks for them first, one right behind the other, and waits for all at once. Nothing is changed here.
#pragma once
#include "lookup.h"

struct foreseen {
	u32 service; // UNSOUGHT: not looked for; NO_SERVER: there is none
	u32 server;  // NO_SERVER: not foreseen
};

#define UNSOUGHT 0xfffffffd

// foresee looks for the service of a packet that opens a connection, and for the server that it is likely to get.
inline_always void foresee(struct __sk_buff *skb, struct packet *p, struct spot spot, struct foreseen *next)
{
	struct flow *f = flow_at(spot.home);
	if (f)
		call_for(f);
	next->service = find_service(skb, p);
	struct service *v = service_at(next->service);
	if (!v)
		return;
	next->server = draw(v, p);
	struct server *s = server_at(next->server);
	if (s)
		call_for(s);
	struct row *costs = v->table & RANKED ? row_at(ranks_at(v->table) + v->place / 16) : NULL;
	if (costs)
		call_for(costs);
}
