// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The director's data plane for the traffic control hook of the kernel. doc.go has the model.
#include "forward.h"
#include "sweep.h"

inline_always int direct(struct __sk_buff *skb)
{
	struct packet p = {};
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present || !read_network(skb, &p))
		return VERDICT_NEXT;
	if (p.piece != 2 && !read_ports(skb, &p))
		return VERDICT_NEXT;
	if (p.piece && !read_pieces(&p))
		return VERDICT_NEXT;
	u32 service = find_service(skb, &p, &p.destination, p.destination_port);
	if (service != NO_SERVER)
		return forward(skb, &p, service);
	int verdict = answer(skb, &p);
	if (verdict != UNKNOWN)
		return verdict;
	verdict = adopt(skb, &p) ? answer(skb, &p) : VERDICT_NEXT;
	return verdict == UNKNOWN ? VERDICT_NEXT : verdict;
}

// Where the kernel does not know that an IPv6 header has no checksum of its own, this fails.
SEC("tc") int probe_sum_ipv6(struct __sk_buff *skb) { return l4_sum(skb, 40, 0, 0, SUM_PSEUDO | SUM_IPV6) ? 1 : 0; }

SEC("tc") int director(struct __sk_buff *skb) { return direct(skb); }

// The functions of the kernel that are for programs under the GPL (routing, timers) are open to ours, which anybody may also use under the MIT licence.
char terms[] SEC("license") = "Dual MIT/GPL";
