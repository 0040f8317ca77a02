// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// What an address and a port stand for: a service, or a server of services.
#pragma once
#include "track.h"

#define NEAR 8 // places of the directory that a service may be in, from where its hash leads

// listed is the service with an address and a port; NO_SERVER if there is none. directory.go writes the directory.
inline_always u32 listed(const struct address *a, u16 port, u8 protocol)
{
	u32 hash = spread(a, port) + protocol;
#pragma unroll
	for (int i = 0; i < NEAR; i++) {
		u32 here = hash + i & directory_mask;
		struct listing *l = lookup(&directory, &here);
		if (!l || !l->number)
			return NO_SERVER;
		if (l->hash != hash)
			continue;
		struct service *v = service_at(l->number - 1);
		if (v && v->port == port && v->protocol == protocol && same_address(&v->address, a))
			return l->number - 1;
	}
	return NO_SERVER;
}

// find_service is the service that a packet is for; NO_SERVER if there is none.
inline_always u32 find_service(struct __sk_buff *skb, const struct packet *p)
{
	struct settings *s = set();
	if (!s)
		return NO_SERVER;
	if (s->flags & MARK_SERVICES && skb->mark) {
		struct mark m = {skb->mark, p->ipv6};
		u32 *at = lookup(&marks, &m);
		if (at)
			return *at;
	}
	u32 at = listed(&p->destination, p->destination_port, p->protocol);
	if (at == NO_SERVER && s->flags & ANY_PORT_SERVICES)
		at = listed(&p->destination, 0, p->protocol);
	return at;
}

inline_always struct real *find_real(const struct packet *p, const struct address *a, u16 port)
{
	struct endpoint e = {.address = *a, .port = port, .protocol = p->protocol};
	struct settings *s = set();
	struct real *r = lookup(&reals, &e);
	if (r || !s || !(s->flags & (ANY_PORT_SERVICES | MARK_SERVICES)))
		return r;
	e.port = 0;
	return lookup(&reals, &e);
}
