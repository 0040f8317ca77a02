// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Errors of ICMP about a connection's packets: they go to whoever sent the packets.
#pragma once
#include "forward.h"

// error_to_server carries an error about an answer.
__attribute__((noinline)) int error_to_server(struct __sk_buff *skb, struct packet *p, struct packet *in, u32 flow)
{
	struct flow *f = flow_at(flow);
	struct way w = {};
	if (!f || !p || !in)
		return VERDICT_NEXT;
	struct server *s = usable(f);
	if (!s || p->ttl <= 1)
		return VERDICT_NEXT;
	if (s->forward != NAT) {
		p->about = f->server;
		return SEND;
	}
	struct address to = s->address;
	int there = ask_way(skb, p, &to, &w);
	if (!translate_inner(skb, p, in, in->about, &to, f->server_port, 1) || !translate_error(skb, p, &to, 0))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK;
}

// error_to_client carries an error about a client's packet on its way to the server, as if it were about the one that the client sent.
__attribute__((noinline)) int error_to_client(struct __sk_buff *skb, struct packet *p, struct packet *in, u32 flow)
{
	struct flow *f = flow_at(flow);
	struct way w = {};
	struct address virtual;
	if (!f || !p || !in || !usable(f) || p->ttl <= 1 || !virtual_of(flow, &virtual))
		return VERDICT_NEXT;
	int there = ask_way(skb, p, &p->destination, &w);
	if (!translate_inner(skb, p, in, in->about, &virtual, f->virtual_port, 0) || !translate_error(skb, p, &virtual, 1))
		return VERDICT_DROP;
	return there == WAY ? go(&w) : VERDICT_OK;
}

// carry_error finds the flow that an error is about.
__attribute__((noinline)) int carry_error(struct __sk_buff *skb, struct packet *p)
{
	struct packet in = {};
	if (!p || !read_inner(skb, p, &in))
		return VERDICT_NEXT;
	exchange(&in); // a flow is found by a packet of the other side's
	u32 answered = find(&in), asked = answered == NO_FLOW ? find_answered(&in) : NO_FLOW;
	exchange(&in);
	if (answered != NO_FLOW)
		return error_to_server(skb, p, &in, answered);
	return asked != NO_FLOW ? error_to_client(skb, p, &in, asked) : VERDICT_NEXT;
}
