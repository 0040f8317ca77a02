// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Packets from clients to servers, and the answers.
#pragma once
#include "icmp.h"

inline_always void name_key(struct key *k, const struct address *client, u16 client_port, u32 service, u8 protocol, u16 virtual_port)
{
	k->client = *client;
	k->service = service;
	k->client_port = client_port;
	k->virtual_port = virtual_port;
	k->protocol = protocol;
	k->zero[0] = k->zero[1] = k->zero[2] = 0;
}

// count_in and count_out count a packet, or as many as it will be cut into.
inline_always void count_in(struct __sk_buff *skb, u32 server)
{
	struct counters *n = counters_of(server);
	if (n) {
		n->in_packets += skb->gso_segs ? skb->gso_segs : 1;
		n->in_bytes += skb->len - LINK;
	}
}

inline_always void count_out(struct __sk_buff *skb, u32 server)
{
	struct counters *n = counters_of(server);
	if (n) {
		n->out_packets += skb->gso_segs ? skb->gso_segs : 1;
		n->out_bytes += skb->len - LINK;
	}
}

inline_always int too_long(struct packet *p, u32 mtu)
{
	p->about = mtu;
	return TOO_LONG;
}

// send_tunnelled wraps a packet and sends it.
__attribute__((noinline)) int send_tunnelled(struct __sk_buff *skb, struct packet *p, u32 at)
{
	struct server *s = server_at(at);
	struct way w = {};
	if (!s || !p)
		return VERDICT_DROP;
	int there = find_way(skb, p, &s->address, &w);
	u32 extra = (is_ipv4(&s->address) ? sizeof(struct ipv4) : sizeof(struct ipv6)) + wrapping(s);
	if (there == WAY_TOO_BIG || there == WAY && w.mtu && p->stays_whole && segment(skb, p) + extra > w.mtu)
		return too_long(p, w.mtu - extra);
	if (there != WAY || !count_hop(skb, p) || !wrap(skb, p, s, w.ifindex))
		return VERDICT_DROP;
	return go(&w);
}

// send_on brings a packet to its server.
__attribute__((noinline)) int send_on(struct __sk_buff *skb, struct packet *p, u32 at)
{
	struct server *s = server_at(at);
	struct way w = {};
	if (!s || !p)
		return VERDICT_DROP;
	count_in(skb, at);
	if (s->forward == LOCAL)
		return VERDICT_OK;
	if (p->ttl <= 1)
		return TOO_FAR;
	if (s->forward == TUNNEL) {
		p->about = at;
		return WRAP;
	}
	int there = find_way(skb, p, &s->address, &w);
	if (there == WAY_TOO_BIG && p->stays_whole)
		return too_long(p, w.mtu);
	if (s->forward == DIRECT) {
		if (there == WAY_HERE)
			return VERDICT_OK;
		return there == WAY && count_hop(skb, p) ? go(&w) : VERDICT_DROP;
	}
	struct address to = s->address;
	u16 port = s->port ? s->port : p->destination_port;
	if (!translate(skb, p, &to, port, 0))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK; // what is too long and may be cut, the kernel cuts
}

// usable is a connection's server, as long as the connection is its.
inline_always struct server *usable(const struct connection *c)
{
	struct server *s = server_at(c->server);
	return s && s->generation == c->generation && s->flags & SERVER_USED ? s : NULL;
}

inline_always int opens(const struct packet *p) { return p->protocol == TCP && (p->tcp & (SYN | ACK | RST)) == SYN; }

// continues takes a beginning further; NO_SERVER if there is none to go on with.
inline_always u32 continues(void *shard, const struct key *k, struct packet *p, u64 now)
{
	struct connection *half = lookup(&beginnings, k);
	if (!half)
		return NO_SERVER;
	struct server *s = usable(half);
	if (!s || s->flags & SERVER_GONE || expired(half, now) || half->state >= FIN_WAIT && half->state <= CLOSED && opens(p)) {
		erase(&beginnings, k);
		return NO_SERVER;
	}
	u32 at = half->server;
	half->seen = now;
	advance(half, p->tcp, p->protocol, FINISHED_CLIENT);
	if (opens(p))
		return at;
	if (half->flags & ANSWERED || s->forward != NAT)
		settle(shard, k, half, p->protocol);
	return at;
}

// unknown is a packet of no connection. One in the middle of a conversation that another director began goes where the hash says.
inline_always u32 unknown(const struct key *k, struct packet *p, struct service *v, u64 now)
{
	if (p->protocol == TCP && !opens(p) && (!deterministic(v) || p->tcp & (RST | SYN)))
		return NO_SERVER;
	u32 at = choose(k->service, p);
	struct connection c = {};
	if (at == NO_SERVER || v->flags & SERVICE_ONE_PACKET)
		return at;
	return begin(k, p, at, &c, now) && !update(&beginnings, k, &c, UPDATE_ANY) ? at : NO_SERVER;
}

// identify is the server of a client's packet; NO_SERVER if there is none, GONE if it may be added again.
__attribute__((noinline)) u32 identify(struct packet *p, u32 service)
{
	struct service *v = service_at(service);
	struct key k;
	if (!v || !p)
		return NO_SERVER;
	u64 now = coarse_time();
	name_key(&k, &p->source, p->source_port, service, p->protocol, v->flags & SERVICE_ANY_PORT ? p->destination_port : 0);
	void *shard = shard_of(&k);
	if (!shard)
		return NO_SERVER;
	struct connection *c = lookup(shard, &k);
	u32 at = NO_SERVER;
	if (c) {
		struct server *s = usable(c);
		if (!s || expired(c, now) || opens(p) && c->state >= FIN_WAIT || s->flags & SERVER_GONE && p->protocol != TCP) {
			end_connection(shard, &k, c);
		} else {
			if (s->flags & SERVER_GONE)
				return GONE;
			if (c->seen != now)
				c->seen = now;
			advance(c, p->tcp, p->protocol, FINISHED_CLIENT);
			at = c->server;
		}
	}
	if (at == NO_SERVER)
		at = continues(shard, &k, p, now);
	if (at == NO_SERVER)
		at = unknown(&k, p, v, now);
	return at;
}

// forward carries a client's packet.
inline_always int forward(struct __sk_buff *skb, struct packet *p, u32 service)
{
	u32 at = identify(p, service);
	if (at == NO_SERVER && p->protocol == TCP && !opens(p))
		return VERDICT_OK; // the host's own stack says that there is no such connection
	p->about = at;
	return at < GONE ? SEND : VERDICT_DROP;
}

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

struct answered { // what a server's packet belongs to
	struct address virtual;
	u32 server;
	u16 port, known;
};

inline_always int answers(const struct connection *c, const struct packet *p)
{
	struct server *s = usable(c);
	return s && s->forward == NAT && same_address(&s->address, &p->source);
}

// belongs finds the connection of an answer among those with one service.
__attribute__((noinline)) int belongs(struct packet *p, u32 service, struct answered *a)
{
	struct service *v = service_at(service);
	struct key k;
	if (!v || !p || !a)
		return 0;
	u64 now = coarse_time();
	a->port = v->flags & SERVICE_ANY_PORT ? p->source_port : v->port;
	name_key(&k, &p->destination, p->destination_port, service, p->protocol, v->flags & SERVICE_ANY_PORT ? p->source_port : 0);
	void *shard = shard_of(&k);
	struct connection *c = shard ? lookup(shard, &k) : NULL;
	if (!c || !answers(c, p)) {
		c = lookup(&beginnings, &k);
		if (!c || !answers(c, p))
			return 0;
		if (!(p->tcp & RST))
			c->flags |= ANSWERED;
	}
	if (c->seen != now)
		c->seen = now;
	advance(c, p->tcp, p->protocol, FINISHED_SERVER);
	a->virtual = c->virtual;
	a->server = c->server;
	return 1;
}

// adopted takes up a server's packet of a conversation that another director began: it belongs to the service if the hash leads its client here.
__attribute__((noinline)) int adopted(struct packet *p, u32 service)
{
	struct service *v = service_at(service);
	if (!v || !p || !deterministic(v) || v->flags & SERVICE_ANY_PORT)
		return 0;
	struct address server = p->source;
	u16 port = p->source_port;
	p->source = p->destination; // as if it were the client's
	p->source_port = p->destination_port;
	p->destination = v->address;
	p->destination_port = v->port;
	u32 at = choose(service, p);
	struct server *s = server_at(at);
	struct connection c = {};
	struct key k;
	int is = s && s->forward == NAT && same_address(&s->address, &server);
	if (is) {
		name_key(&k, &p->source, p->source_port, service, p->protocol, 0);
		is = begin(&k, p, at, &c, coarse_time());
		c.flags |= ANSWERED;
		is = is && !update(&beginnings, &k, &c, UPDATE_ANY);
	}
	p->destination = p->source;
	p->destination_port = p->source_port;
	p->source = server;
	p->source_port = port;
	return is;
}

// adopt looks for a service that a server's packet may belong to. What is for this host itself is not looked at.
inline_always int adopt(struct __sk_buff *skb, struct packet *p)
{
	struct way w = {};
	if (p->protocol != TCP || p->tcp & (SYN | RST))
		return 0;
	struct real *r = find_real(p, &p->source, p->source_port);
	if (!r || find_way(skb, p, &p->destination, &w) != WAY)
		return 0;
	for (u32 i = 0; i < SERVICES_OF_A_SERVER && i < r->count; i++)
		if (adopted(p, r->service[i]))
			return 1;
	return 0;
}

// answer carries a server's packet to its client; UNKNOWN if it belongs to no connection.
__attribute__((noinline)) int answer(struct __sk_buff *skb, struct packet *p)
{
	struct answered a = {};
	struct way w = {};
	if (!p)
		return VERDICT_NEXT;
	struct real *r = find_real(p, &p->source, p->source_port);
	if (!r)
		return VERDICT_NEXT;
	int found = 0;
	for (u32 i = 0; i < SERVICES_OF_A_SERVER && i < r->count && !found; i++)
		found = belongs(p, r->service[i], &a);
	if (!found)
		return UNKNOWN;
	count_out(skb, a.server);
	if (p->ttl <= 1)
		return TOO_FAR;
	int there = find_way(skb, p, &p->destination, &w);
	if (there == WAY_TOO_BIG && p->stays_whole)
		return too_long(p, w.mtu);
	if (!translate(skb, p, &a.virtual, a.port, 1))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK;
}

// known is the server of a connection, told by its client and service; NO_SERVER if there is none.
inline_always u32 known(const struct address *client, u16 client_port, u32 service, u8 protocol, u16 virtual_port, struct address *virtual)
{
	struct key k;
	name_key(&k, client, client_port, service, protocol, virtual_port);
	void *shard = shard_of(&k);
	struct connection *c = shard ? lookup(shard, &k) : NULL;
	if (!c)
		c = lookup(&beginnings, &k);
	if (!c || !usable(c))
		return NO_SERVER;
	*virtual = c->virtual;
	return c->server;
}

// to_server carries an error about an answer: the server that sent the answer is to know.
__attribute__((noinline)) int to_server(struct __sk_buff *skb, struct packet *p, struct packet *in, u32 service, u32 inner)
{
	struct service *v = service_at(service);
	struct address virtual;
	struct way w = {};
	if (!v || !p || !in)
		return VERDICT_NEXT;
	u16 port = v->flags & SERVICE_ANY_PORT ? in->source_port : 0;
	u32 at = known(&in->destination, in->destination_port, service, in->protocol, port, &virtual);
	struct server *s = server_at(at);
	if (!s || p->ttl <= 1)
		return VERDICT_NEXT;
	if (s->forward != NAT) {
		p->about = at;
		return SEND;
	}
	struct address to = s->address;
	int there = find_way(skb, p, &to, &w);
	if (!translate_inner(skb, p, in, inner, &to, s->port ? s->port : in->source_port, 1) || !translate_error(skb, p, &to, 0))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK;
}

// to_client carries an error about a client's packet on its way to the server, as if it were about the one that the client sent.
__attribute__((noinline)) int to_client(struct __sk_buff *skb, struct packet *p, struct packet *in, u32 service, u32 inner)
{
	struct service *v = service_at(service);
	struct address virtual;
	struct way w = {};
	if (!v || !p || !in)
		return UNKNOWN;
	u16 port = v->flags & SERVICE_ANY_PORT ? in->destination_port : 0;
	struct server *s = server_at(known(&in->source, in->source_port, service, in->protocol, port, &virtual));
	if (!s || s->forward != NAT || !same_address(&s->address, &in->destination) || p->ttl <= 1)
		return UNKNOWN;
	int there = find_way(skb, p, &p->destination, &w);
	if (!translate_inner(skb, p, in, inner, &virtual, v->flags & SERVICE_ANY_PORT ? port : v->port, 0) || !translate_error(skb, p, &virtual, 1))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK;
}

// carry_error carries an error of ICMP about a connection's packet to whoever sent the packet.
__attribute__((noinline)) int carry_error(struct __sk_buff *skb, struct packet *p)
{
	struct packet in = {};
	u32 inner;
	if (!p || !read_inner(skb, p, &inner, &in))
		return VERDICT_NEXT;
	u32 service = find_service(skb, &in, &in.source, in.source_port);
	if (service != NO_SERVER)
		return to_server(skb, p, &in, service, inner);
	struct real *r = find_real(&in, &in.destination, in.destination_port);
	if (!r)
		return VERDICT_NEXT;
	for (u32 i = 0; i < SERVICES_OF_A_SERVER && i < r->count; i++) {
		int verdict = to_client(skb, p, &in, r->service[i], inner);
		if (verdict != UNKNOWN)
			return verdict;
	}
	return VERDICT_NEXT;
}
