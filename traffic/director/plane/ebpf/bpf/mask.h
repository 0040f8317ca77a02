// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Clients beside the servers. A server behind NAT answers a client on its own link, as another server is, past us, and the client would not know that answer. So such a
// client's packets get our address before all else, and one of the ports that the kernel gives to nobody, and the answers its own address again.
#pragma once
#include "icmp.h"

#define MASK_PORTS 61000 // the kernel gives out 32768 to 60999
#define MASKS (65536 - MASK_PORTS)
#define MASK_TRIES 8

inline_always int is_masked(const struct masked *m, const struct packet *p)
{
	return m->client_port == p->source_port && m->virtual_port == p->destination_port && same_address(&m->client, &p->source) && same_address(&m->virtual, &p->destination);
}

// as_masked gives a packet the source that it is masked by.
inline_always int as_masked(struct __sk_buff *skb, struct packet *p, struct endpoint *own)
{
	if (!translate(skb, p, &own->address, own->port, 1))
		return 0;
	p->source = own->address;
	p->source_port = own->port;
	p->ttl--; // which translating did
	return 1;
}

inline_always int first_mask(struct __sk_buff *skb, const struct packet *p, struct endpoint *own)
{
	u32 ifindex = skb->ifindex;
	struct source *from = lookup(&sources, &ifindex);
	if (!from)
		return 0;
	own->address = p->ipv6 ? from->ipv6 : from->ipv4;
	own->protocol = p->protocol;
	return own->address.part[3] != 0;
}

// of a client's packet: where its masks are looked for.
inline_always u32 mask_hash(const struct packet *p) { return spread(&p->source, p->source_port) + spread(&p->destination, p->destination_port); }

inline_always u16 mask_port(u32 hash, u32 i) { return big16((u16)(MASK_PORTS + (hash + i) % MASKS)); }

// masks_again masks a packet of a client that is masked already; 0 if it is not.
__attribute__((noinline)) int masks_again(struct __sk_buff *skb, struct packet *p)
{
	struct endpoint own = {};
	if (!p)
		return 0;
	own.address = p->source; // with no port: that there are masks of this client's
	if (!lookup(&masks, &own) || !first_mask(skb, p, &own))
		return 0;
	u32 hash = mask_hash(p);
	for (u32 i = 0; i < MASK_TRIES; i++) {
		own.port = mask_port(hash, i);
		struct masked *m = lookup(&masks, &own);
		if (m && is_masked(m, p))
			return as_masked(skb, p, &own);
	}
	return 0;
}

// in_use tells whether there is a flow under a mask, or may be.
inline_always int in_use(const struct endpoint *own, u8 ipv6)
{
	u32 client = shortened(&own->address, ipv6);
	struct flow *f = flow_at(spot_of(client, own->port, own->protocol).home);
	return f && (f->displaced || f->tag > TAKEN && f->client == client && f->client_port == own->port && !expired(f, ticks()));
}

// masks_first masks the first packet of a client's connection; 0 if there is no mask left near where its hash leads.
__attribute__((noinline)) int masks_first(struct __sk_buff *skb, struct packet *p)
{
	struct endpoint own = {}, mark = {};
	struct settings *s = set();
	if (!p || !s || p->protocol == SCTP || p->piece || !first_mask(skb, p, &own))
		return 0;
	struct masked to = {p->source, p->destination, p->source_port, p->destination_port};
	mark.address = p->source;
	u32 hash = mask_hash(p);
	for (u32 i = 0; i < MASK_TRIES; i++) {
		own.port = mask_port(hash, i);
		struct masked *m = lookup(&masks, &own);
		if (m && !is_masked(m, p) && in_use(&own, p->ipv6))
			continue;
		if (update(&masks, &own, &to, UPDATE_ANY) || update(&masks, &mark, &to, UPDATE_ANY))
			return 0;
		if (!(s->flags & MASKED_CLIENTS))
			__sync_fetch_and_or(&s->flags, MASKED_CLIENTS);
		return as_masked(skb, p, &own);
	}
	return 0;
}

inline_always int any_masked(void)
{
	struct settings *s = set();
	return s && s->flags & MASKED_CLIENTS;
}

// unmasks gives an answer to a masked client the client's own address.
__attribute__((noinline)) int unmasks(struct __sk_buff *skb, struct packet *p)
{
	if (!p)
		return 0;
	struct endpoint own = {.address = p->destination, .port = p->destination_port, .protocol = p->protocol};
	struct masked *m = lookup(&masks, &own);
	if (!m)
		return 1;
	struct address client = m->client;
	u16 port = m->client_port;
	if (!translate(skb, p, &client, port, 0))
		return 0;
	p->destination = client;
	p->destination_port = port;
	p->ttl--;
	return 1;
}

// is_beside tells whether a server would answer a client past us: both are neighbours on the link that the packet came by.
__attribute__((noinline)) int is_beside(struct __sk_buff *skb, struct packet *p, u32 server)
{
	struct server *s = server_at(server);
	struct way w = {};
	if (!s || !p)
		return 0;
	if (way_to(s, skb, p, &w) != WAY || w.ifindex != skb->ifindex)
		return 0;
	struct address to = p->source;
	if (ask_way(skb, p, &to, &w) != WAY || w.ifindex != skb->ifindex)
		return 0;
	struct address hop;
	__builtin_memcpy(&hop, w.hop.address, sizeof hop);
	return p->ipv6 ? same_address(&hop, &to) : hop.part[0] == to.part[3];
}

// may_be_beside is what can be told without asking the kernel's routing.
inline_always int may_be_beside(struct __sk_buff *skb, const struct server *s)
{
	struct way *known = remembered(0, s->way, ticks() - s->told);
	return s->forward == NAT && !(known && known->ifindex != skb->ifindex);
}
