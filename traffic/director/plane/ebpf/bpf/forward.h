// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Packets from clients to servers, and the answers.
#pragma once
#include "foresee.h"
#include "mask.h"

// virtual_of is what a flow's client asked for.
inline_always int virtual_of(u32 flow, struct address *a)
{
	struct flow *f = flow_at(flow);
	struct whole *whole = whole_at(flow);
	if (!f || !whole)
		return 0;
	if (is_ipv6(f))
		*a = whole->virtual;
	else
		map_ipv4(a, f->virtual);
	return 1;
}

// translate_in and translate_out are for packets that cannot be rewritten in place.
__attribute__((noinline)) int translate_in(struct __sk_buff *skb, struct packet *p, u32 server)
{
	struct server *s = server_at(server);
	if (!s || !p)
		return 0;
	struct address to = s->address;
	return translate(skb, p, &to, s->port ? s->port : p->destination_port, 0);
}

__attribute__((noinline)) int translate_out(struct __sk_buff *skb, struct packet *p, u32 flow)
{
	struct address virtual;
	struct flow *f = flow_at(flow);
	return f && p && virtual_of(flow, &virtual) && translate(skb, p, &virtual, f->virtual_port, 1);
}

inline_always int too_long(struct packet *p, u32 mtu)
{
	p->about = mtu;
	return TOO_LONG;
}

// go_tunnelled wraps a packet and sends it.
__attribute__((noinline)) int go_tunnelled(struct __sk_buff *skb, struct packet *p, u32 at)
{
	struct server *s = server_at(at);
	struct way w = {};
	if (!s || !p)
		return VERDICT_DROP;
	struct address to = s->address;
	int there = ask_way(skb, p, &to, &w);
	u32 extra = (is_ipv4(&s->address) ? sizeof(struct ipv4) : sizeof(struct ipv6)) + wrapping(s);
	if (there == WAY_TOO_BIG || there == WAY && w.mtu && p->stays_whole && segment(skb, p) + extra > w.mtu)
		return too_long(p, w.mtu - extra);
	if (there != WAY || !count_hop(skb, p) || !wrap(skb, p, s, w.ifindex))
		return VERDICT_DROP;
	return go(&w);
}

// packets_of is how many a packet will be cut into.
inline_always u32 packets_of(struct __sk_buff *skb) { return skb->gso_segs ? skb->gso_segs : 1; }

// count_in counts packets of a client's; count_out of a server's. Flows hand in what they have counted before it is too much for them.
inline_always void count_in(struct flow *f, u32 packets, u32 bytes)
{
	f->in_packets += packets;
	f->in_bytes += bytes;
	if (f->in_packets >> 15 || f->in_bytes >> 31)
		hand_in(f);
}

inline_always void count_out(struct flow *f, u32 packets, u32 bytes)
{
	f->out_packets += packets;
	f->out_bytes += bytes;
	if (f->out_packets >> 15 || f->out_bytes >> 31)
		hand_in(f);
}

// carry_lone brings a packet without a flow to its server: errors, and packets of services that keep no flows.
__attribute__((noinline)) int carry_lone(struct __sk_buff *skb, struct packet *p, u32 server)
{
	struct work *k = work_of(server);
	struct server *s = server_at(server);
	struct way w = {};
	if (!k || !s || !p)
		return VERDICT_DROP;
	k->in_packets += packets_of(skb);
	k->in_bytes += skb->len - LINK;
	if (s->forward == LOCAL)
		return VERDICT_OK;
	if (p->ttl <= 1)
		return TOO_FAR;
	if (s->forward == TUNNEL) {
		p->about = server;
		return WRAP;
	}
	int there = learn_way_to_server(skb, p, server, NO_FLOW, &w);
	if (there == WAY_TOO_BIG && p->stays_whole)
		return too_long(p, w.mtu);
	if (s->forward == DIRECT) {
		if (there == WAY_HERE)
			return VERDICT_OK;
		return there == WAY && count_hop(skb, p) ? go(&w) : VERDICT_DROP;
	}
	if (!translate_in(skb, p, server))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK; // what is too long and may be cut, the kernel cuts
}

// carry_in brings a client's packet to its server.
inline_always int carry_in(struct __sk_buff *skb, struct packet *p, struct flow *f, u32 flow, u32 now)
{
	struct way asked = {}, *w = &asked;
	u8 forward = forward_of(f);
	count_in(f, packets_of(skb), skb->len - LINK);
	if (forward == LOCAL)
		return VERDICT_OK;
	if (p->ttl <= 1)
		return TOO_FAR;
	if (forward == TUNNEL) {
		p->about = f->server;
		return WRAP;
	}
	int there = WAY;
	struct way *known = remembered(segment(skb, p), f->way, (u16)(now - f->told));
	if (known)
		w = known;
	else
		there = learn_way_to_server(skb, p, f->server, flow, &asked);
	if (there == WAY_TOO_BIG && p->stays_whole)
		return too_long(p, asked.mtu);
	if (forward == DIRECT) {
		if (there == WAY_HERE)
			return VERDICT_OK;
		return there == WAY && count_hop(skb, p) ? go(w) : VERDICT_DROP;
	}
	struct whole *whole = whole_at(flow);
	if (!whole || !rewrite(skb, p, f, whole, 0) && !translate_in(skb, p, f->server))
		return VERDICT_DROP;
	return there == WAY ? go(w) : VERDICT_OK;
}

// carry_out brings a server's packet to its client.
inline_always int carry_out(struct __sk_buff *skb, struct packet *p, struct flow *f, u32 flow, u32 now)
{
	struct way asked = {}, *w = &asked;
	count_out(f, packets_of(skb), skb->len - LINK);
	if (p->ttl <= 1)
		return TOO_FAR;
	int there = WAY;
	struct way *known = remembered(segment(skb, p), f->back, (u16)(now - f->back_told));
	if (known)
		w = known;
	else
		there = learn_way_to_client(skb, p, flow, &asked);
	if (there == WAY_TOO_BIG && p->stays_whole)
		return too_long(p, asked.mtu);
	struct whole *whole = whole_at(flow);
	if (!whole || !rewrite(skb, p, f, whole, 1) && !translate_out(skb, p, flow))
		return VERDICT_DROP;
	return there == WAY ? go(w) : VERDICT_OK;
}

// touch notes that a flow has been used. Ways that it has not used for as long as they hold are forgotten, as what is kept of when
// they were told begins again.
inline_always void touch(struct flow *f, u32 now)
{
	u32 idle = now - f->seen;
	if (!idle)
		return;
	f->seen = now;
	if (idle >= way_holds)
		f->way = f->back = 0;
}

// steady tells whether a packet leaves its flow as it is, and the flow is known to be in order.
inline_always int steady(const struct flow *f, const struct packet *p, u32 now)
{
	struct settings *s = set();
	return s && !(p->tcp & (SYN | FIN | RST)) && !(f->flags & PENDING) && f->checked == (u32)s->generation && !expired(f, now);
}

inline_always int opens(const struct packet *p) { return p->protocol == TCP && (p->tcp & (SYN | ACK | RST)) == SYN; }

// goes_on takes a flow further by a client's packet. It gives the server; GONE if that may be added again, NO_SERVER if the flow is over.
__attribute__((noinline)) u32 goes_on(struct packet *p, u32 at)
{
	struct flow *f = flow_at(at);
	struct settings *table = set();
	u32 now = ticks();
	if (!f || !p || !table)
		return NO_SERVER;
	struct server *s = usable(f);
	u32 generation = table->generation, before = stage(f);
	if (!s || expired(f, now) || opens(p) && f->state >= FIN_WAIT && f->state <= CLOSED || s->flags & SERVER_GONE && (p->protocol != TCP || f->flags & PENDING)) {
		end_flow(f);
		return NO_SERVER;
	}
	if (s->flags & SERVER_GONE)
		return GONE;
	f->checked = generation;
	f->flags &= ~LEARNED;
	touch(f, now);
	advance(f, p->tcp, p->protocol, FINISHED_CLIENT);
	if (f->flags & PENDING && !opens(p) && (f->flags & ANSWERED || s->forward != NAT))
		settle(f);
	if (stage(f) != before)
		tell(f, at);
	return f->server;
}

// answers_on takes a flow further by a server's packet; 0 if the flow is not the server's any more.
__attribute__((noinline)) int answers_on(struct packet *p, u32 at)
{
	struct flow *f = flow_at(at);
	if (!f || !p || !usable(f))
		return 0;
	u32 before = stage(f);
	if (f->flags & PENDING && !(p->tcp & RST))
		f->flags |= ANSWERED;
	f->flags &= ~LEARNED;
	touch(f, ticks());
	advance(f, p->tcp, p->protocol, FINISHED_SERVER);
	if (stage(f) != before)
		tell(f, at);
	return 1;
}

// starts is the server for a client's packet of no flow, and begins one (flow), but for services that want none. In the middle of a
// conversation that another director began, the hash tells the server. A client that is a server itself does not get itself where it would see its own address come in.
inline_always u32 starts(struct __sk_buff *skb, struct packet *p, struct foreseen *next, u32 *flow)
{
	u32 service = next->service;
	struct service *v = service_at(service);
	if (!v)
		return NO_SERVER;
	if (p->protocol == TCP && !opens(p) && (!deterministic(v) || p->tcp & (RST | SYN)))
		return NO_SERVER;
	u32 at = next->server;
	if (fresh(at, service))
		moves_on(v);
	else
		at = choose(service, p);
	struct server *s = server_at(at);
	if (at == NO_SERVER || !s)
		return NO_SERVER;
	if ((s->forward == DIRECT || s->forward == TUNNEL) && (p->ipv6 || s->ipv4 == p->source.part[3]) && same_address(&s->address, &p->source))
		at = another(service, at);
	if (at == NO_SERVER || v->flags & SERVICE_ONE_PACKET)
		return at;
	if (may_be_beside(skb, s) && is_beside(skb, p, at) && !masks_first(skb, p))
		return NO_SERVER;
	*flow = begin(p, at);
	return *flow == NO_FLOW ? NO_SERVER : at;
}

// exchange gives a packet's ends each other's places.
inline_always void exchange(struct packet *p)
{
	struct address a = p->source;
	u16 port = p->source_port;
	p->source = p->destination;
	p->source_port = p->destination_port;
	p->destination = a;
	p->destination_port = port;
}

// adopted takes up a server's packet of a conversation that another director began: it belongs to the service if the hash leads its client here.
__attribute__((noinline)) int adopted(struct packet *p, u32 service)
{
	struct service *v = service_at(service);
	if (!v || !p || !deterministic(v) || v->flags & SERVICE_ANY_PORT)
		return 0;
	struct address from = p->source;
	u16 port = p->source_port;
	exchange(p); // as if it were the client's
	p->destination = v->address;
	p->destination_port = v->port;
	u32 at = choose(service, p), flow = NO_FLOW;
	struct server *s = server_at(at);
	if (s && s->forward == NAT && same_address(&s->address, &from))
		flow = begin(p, at);
	struct flow *f = flow_at(flow);
	if (flow != NO_FLOW && f)
		f->flags |= ANSWERED;
	p->destination = from;
	p->destination_port = port;
	exchange(p);
	return flow != NO_FLOW;
}

// goes_further tells whether a packet is for another host.
__attribute__((noinline)) int goes_further(struct __sk_buff *skb, struct packet *p)
{
	struct way w = {};
	return p && ask_way(skb, p, &p->destination, &w) == WAY;
}

// adopt looks for a service that a server's packet may belong to. What is for this host itself is not looked at.
__attribute__((noinline)) int adopt(struct __sk_buff *skb, struct packet *p)
{
	if (!p || p->protocol != TCP || p->tcp & (SYN | RST))
		return 0;
	struct real *r = find_real(p, &p->source, p->source_port);
	if (!r || !goes_further(skb, p))
		return 0;
	for (u32 i = 0; i < SERVICES_OF_A_SERVER && i < r->count; i++)
		if (adopted(p, r->service[i]))
			return 1;
	return 0;
}

// meets carries a packet that no flow is found by.
inline_always u32 meets(struct __sk_buff *skb, struct packet *p, struct foreseen *next, int *verdict)
{
	u32 flow = NO_FLOW;
	if (next->service == UNSOUGHT)
		next->service = find_service(skb, p);
	if (next->service == NO_SERVER) {
		*verdict = VERDICT_NEXT;
		return NO_FLOW;
	}
	u32 server = starts(skb, p, next, &flow);
	if (server == NO_SERVER && p->protocol == TCP && !opens(p))
		*verdict = VERDICT_OK; // the host's own stack says that there is no such connection
	else if (server == NO_SERVER)
		*verdict = VERDICT_DROP;
	else if (flow == NO_FLOW)
		*verdict = carry_lone(skb, p, server);
	return flow;
}

// forward carries a packet of a service's, whoever sent it.
inline_always int forward(struct __sk_buff *skb, struct packet *p)
{
	u32 now = ticks(), outward = 0;
	struct spot spot = spot_asked(p);
	struct foreseen next = {UNSOUGHT, NO_SERVER};
	if (opens(p))
		foresee(skb, p, spot, &next);
	u32 flow = find_at(spot, p, 0);
	struct flow *f = flow_at(flow);
	if (flow != NO_FLOW && f && !steady(f, p, now)) {
		u32 server = goes_on(p, flow);
		if (server == GONE)
			return VERDICT_DROP;
		if (server == NO_SERVER)
			flow = NO_FLOW;
	}
	if (flow == NO_FLOW && !opens(p)) {
		flow = find_answered(p);
		f = flow_at(flow);
		outward = flow != NO_FLOW;
		if (outward && f && !steady(f, p, now) && !answers_on(p, flow))
			return VERDICT_NEXT;
		if (outward && big16(p->destination_port) >= MASK_PORTS && any_masked() && !unmasks(skb, p))
			return VERDICT_DROP;
	}
	if (flow == NO_FLOW && any_masked() && masks_again(skb, p)) {
		next.server = NO_SERVER; // which was drawn for another client
		flow = find(p);
		if (flow != NO_FLOW && goes_on(p, flow) >= GONE)
			flow = NO_FLOW;
		if (flow == NO_FLOW && !opens(p))
			return VERDICT_DROP;
	}
	if (flow == NO_FLOW) {
		int verdict = VERDICT_NEXT;
		flow = meets(skb, p, &next, &verdict);
		if (flow == NO_FLOW && verdict != VERDICT_NEXT)
			return verdict;
		if (flow == NO_FLOW && adopt(skb, p)) {
			flow = find_answered(p);
			outward = 1;
		}
	}
	f = flow_at(flow);
	if (flow == NO_FLOW || !f)
		return VERDICT_NEXT;
	touch(f, now);
	return outward ? carry_out(skb, p, f, flow, now) : carry_in(skb, p, f, flow, now);
}
