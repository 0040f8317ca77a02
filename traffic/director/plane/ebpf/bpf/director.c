// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The director's data plane for the traffic control hook of the kernel. doc.go has the model.
#include "errors.h"
#include "dial.h"
#include "express.h"
#include "learn.h"

inline_always int outcome_of(struct __sk_buff *skb, struct packet *p)
{
	if (p->protocol == (p->ipv6 ? ICMP6 : ICMP))
		return carry_error(skb, p);
	if (p->piece != 2 && !read_ports(skb, p))
		return VERDICT_NEXT;
	if (p->piece && !read_pieces(p))
		return VERDICT_NEXT;
	return forward(skb, p);
}

inline_always int direct(struct __sk_buff *skb)
{
	struct packet p = {};
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present || !read_network(skb, &p))
		return VERDICT_NEXT;
	int outcome = outcome_of(skb, &p);
	if (outcome == SEND)
		outcome = carry_lone(skb, &p, p.about);
	if (outcome == WRAP)
		outcome = go_tunnelled(skb, &p, p.about);
	if (outcome == TOO_LONG || outcome == TOO_FAR)
		outcome = complain(skb, &p, outcome);
	return outcome;
}

// Where the kernel does not know that an IPv6 header has no checksum of its own, this fails.
SEC("tc") int probe_sum_ipv6(struct __sk_buff *skb) { return l4_sum(skb, 40, 0, 0, SUM_PSEUDO | SUM_IPV6) ? 1 : 0; }

SEC("tc") int director(struct __sk_buff *skb) { return direct(skb); }

// What is measured: packets to services whose addresses follow each other, from clients that do.
struct measured {
	u8 header[56]; // of Ethernet, IPv4 and TCP
	u32 clients, services, at, step;
};

struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct measured); } measured SEC(".maps");

// turn gives the packet, which the last turn has changed, the header of another one.
inline_always int turn(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct measured *m = lookup(&measured, &zero);
	void *data = (void *)(u64)skb->data;
	if (!m || !m->services || data + LINK + 40 > (void *)(u64)skb->data_end)
		return 0;
	__builtin_memcpy(data, m->header, LINK + 40);
	u32 n = m->at, next = n + m->step;
	m->at = next >= m->clients ? next - m->clients : next;
	struct ipv4 *ip = data + LINK;
	ip->source = big32(big32(ip->source) + (n >> 15));
	ip->destination = big32(0x0a090000 + n % m->services);
	*(u16 *)(data + LINK + 20) = big16((u16)(1024 + (n & 0x7fff)));
	return 1;
}

// measure directs another packet each time; measure_nothing only makes it.
SEC("tc") int measure(struct __sk_buff *skb) { return turn(skb) ? direct(skb) : VERDICT_DROP; }

SEC("tc") int measure_nothing(struct __sk_buff *skb) { return turn(skb) ? redirect(skb->ifindex, 0) : VERDICT_DROP; }

// measure_memory waits for one slot of the table of connections, any of them, as a packet of any connection has to.
SEC("tc") int measure_memory(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct measured *m = lookup(&measured, &zero);
	if (!m)
		return VERDICT_DROP;
	struct flow *f = flow_at(mix(m->at) >> 32);
	m->at += m->step + (f ? f->away >> 5 : 0); // which is 0, but is not known before
	return redirect(skb->ifindex, 0);
}

// The functions of the kernel that are for programs under the GPL (routing, timers) are open to ours, which anybody may also use under the MIT licence.
char terms[] SEC("license") = "Dual MIT/GPL";
