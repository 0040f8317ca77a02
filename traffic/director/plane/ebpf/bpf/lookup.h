// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// What an address and a port stand for: a service, or a server of services.
#pragma once
#include "track.h"

// find_service is the service that a packet is for; NO_SERVER if there is none.
inline_always u32 find_service(struct __sk_buff *skb, const struct packet *p, const struct address *a, u16 port)
{
	struct endpoint e = {.address = *a, .port = port, .protocol = p->protocol};
	struct settings *s = set();
	u32 *at;
	if (!s)
		return NO_SERVER;
	if (s->flags & MARK_SERVICES && skb->mark) {
		struct mark m = {skb->mark, p->ipv6};
		if ((at = lookup(&marks, &m)))
			return *at;
	}
	if ((at = lookup(&virtuals, &e)))
		return *at;
	if (!(s->flags & ANY_PORT_SERVICES))
		return NO_SERVER;
	e.port = 0;
	at = lookup(&virtuals, &e);
	return at ? *at : NO_SERVER;
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
