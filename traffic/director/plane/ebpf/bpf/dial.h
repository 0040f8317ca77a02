// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// What processes of this host connect to. Their packets would not come in by an interface: so they get a server when they connect, and talk to that
// one, in whatever way clients' packets are forwarded to it.
#pragma once
#include "forward.h"

const volatile u64 our_namespace = 0;

// dialled is the server for a connection to an address; NO_SERVER if that is no service's, or a server is this host.
inline_always u32 dialled(void *context, struct packet *p)
{
	struct settings *set_up = set();
	if (namespace_of(context) != our_namespace || !set_up)
		return NO_SERVER;
	u32 service = listed(&p->destination, p->destination_port, p->protocol);
	if (service == NO_SERVER && set_up->flags & ANY_PORT_SERVICES)
		service = listed(&p->destination, 0, p->protocol);
	u32 at = service == NO_SERVER ? NO_SERVER : choose(service, p);
	struct server *s = server_at(at);
	if (!s || s->forward == LOCAL)
		return NO_SERVER;
	__sync_fetch_and_add(&s->connections, 1);
	return at;
}

SEC("cgroup/connect4") int connect4(struct sock_addr *to)
{
	struct packet p = {.protocol = to->protocol, .destination_port = to->user_port};
	map_ipv4(&p.destination, to->user_ip4);
	map_ipv4(&p.source, 0);
	struct server *s = server_at(dialled(to, &p));
	if (s && s->ipv4) {
		to->user_ip4 = s->ipv4;
		if (s->port && s->forward == NAT)
			to->user_port = s->port;
	}
	return 1;
}

SEC("cgroup/connect6") int connect6(struct sock_addr *to)
{
	struct packet p = {.protocol = to->protocol, .destination_port = to->user_port, .ipv6 = 1};
	for (int i = 0; i < 4; i++)
		p.destination.part[i] = to->user_ip6[i];
	struct server *s = server_at(dialled(to, &p));
	if (s && (!s->ipv4 || is_ipv4(&p.destination))) {
		for (int i = 0; i < 4; i++)
			to->user_ip6[i] = s->address.part[i];
		if (s->port && s->forward == NAT)
			to->user_port = s->port;
	}
	return 1;
}
