// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// Reading packets.
#pragma once
#include "model.h"

#define LINK 14 // bytes of an Ethernet header: we are attached to nothing else

enum { TCP = 6, UDP = 17, SCTP = 132, ICMP = 1, ICMP6 = 58 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 }; // of TCP
enum { HEADER_HOPS = 0, HEADER_ROUTING = 43, HEADER_FRAGMENT = 44, HEADER_OPTIONS = 60 };

// Outcomes that are not yet verdicts: functions return to the program with them, as the stack allows for few calls within calls.
enum {
	SEND = 100, // to the server in about
	WRAP,       // and send to the server in about
	TOO_LONG,   // for the way, whose MTU is in about
	TOO_FAR,    // has it come
};

struct packet {
	struct address source, destination;
	u16 source_port, destination_port;
	u8 protocol, ipv6, tcp; // tcp: its flags
	u8 piece;               // 1: the first of several, 2: a later one, without ports
	u32 identification;
	u32 transport;  // offset of the transport's header
	u8 ttl, tos;
	u16 stays_whole; // it must not be fragmented
	u32 about;       // what comes with an outcome
	u32 usual;       // it is TCP or UDP right behind a network header without options, whole, and to be seen directly
};

struct ipv4 {
	u8 version_length, tos;
	u16 length, identification, fragment;
	u8 ttl, protocol;
	u16 sum;
	u32 source, destination;
};

struct ipv6 {
	u32 version_class_flow;
	u16 length;
	u8 next, hops;
	struct address source, destination;
};

inline_always void map_ipv4(struct address *a, u32 ipv4)
{
	a->part[0] = a->part[1] = 0;
	a->part[2] = big32(0xffff);
	a->part[3] = ipv4;
}

inline_always u16 folded(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

inline_always int is_ipv4(const struct address *a) { return a->part[2] == big32(0xffff) && !a->part[0] && !a->part[1]; }

inline_always int same_address(const struct address *a, const struct address *b)
{
	return a->part[3] == b->part[3] && a->part[2] == b->part[2] && a->part[1] == b->part[1] && a->part[0] == b->part[0];
}

inline_always int read_ipv4(const struct ipv4 *ip, u32 offset, struct packet *p)
{
	if (ip->version_length >> 4 != 4 || (ip->version_length & 15) < 5)
		return 0;
	map_ipv4(&p->source, ip->source);
	map_ipv4(&p->destination, ip->destination);
	p->protocol = ip->protocol;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	p->transport = offset + (ip->version_length & 15) * 4;
	p->stays_whole = (ip->fragment & big16(0x4000)) != 0;
	if (ip->fragment & big16(0x3fff)) {
		p->identification = ip->identification;
		p->piece = ip->fragment & big16(0x1fff) ? 2 : 1;
	}
	return 1;
}

inline_always int read_ipv6(struct __sk_buff *skb, const struct ipv6 *ip, u32 offset, struct packet *p)
{
	p->source = ip->source;
	p->destination = ip->destination;
	p->ipv6 = p->stays_whole = 1;
	p->ttl = ip->hops;
	p->tos = big32(ip->version_class_flow) >> 20;
	u8 next = ip->next;
	u32 at = offset + sizeof *ip;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u8 header[8];
		if (next != HEADER_HOPS && next != HEADER_ROUTING && next != HEADER_FRAGMENT && next != HEADER_OPTIONS)
			break;
		if (load_bytes(skb, at, header, sizeof header))
			return 0;
		if (next == HEADER_FRAGMENT) {
			u16 where = header[2] << 8 | header[3];
			p->identification = *(u32 *)(header + 4);
			p->piece = where & 0xfff8 ? 2 : where & 1;
			at += 8;
		} else {
			at += (header[1] + 1) * 8;
		}
		next = header[0];
		if (p->piece == 2)
			break;
	}
	p->protocol = next;
	p->transport = at;
	return 1;
}

struct transport { // what TCP and UDP have at the same places
	u16 source_port, destination_port;
	u16 udp_length, udp_sum;
	u8 more[5], flags;
	u16 window, tcp_sum, urgent;
};

// transport_behind is the transport's header behind a network header without options; NULL if not as much as TCP has is to be seen directly.
inline_always struct transport *transport_behind(void *data, void *end, const struct packet *p)
{
	void *t = data + LINK;
	if (p->ipv6)
		t += sizeof(struct ipv6);
	else
		t += sizeof(struct ipv4);
	return t + sizeof(struct transport) > end ? NULL : t;
}

inline_always struct transport *transport_of(struct __sk_buff *skb, const struct packet *p)
{
	return transport_behind((void *)(u64)skb->data, (void *)(u64)skb->data_end, p);
}

// read_ports reads what is the same in all three transports, and TCP's flags.
inline_always int read_ports(struct __sk_buff *skb, struct packet *p)
{
	u8 head[14];
	struct transport *t = p->transport == LINK + (p->ipv6 ? sizeof(struct ipv6) : sizeof(struct ipv4)) ? transport_of(skb, p) : NULL;
	if (p->protocol != TCP && p->protocol != UDP && p->protocol != SCTP)
		return 0;
	if (t) {
		p->source_port = t->source_port;
		p->destination_port = t->destination_port;
		if (p->protocol == TCP)
			p->tcp = t->flags;
		p->usual = p->protocol != SCTP && !p->piece;
		return 1;
	}
	if (p->protocol == TCP) {
		if (load_bytes(skb, p->transport, head, sizeof head))
			return 0;
		p->tcp = head[13];
	} else if (load_bytes(skb, p->transport, head, 4)) {
		return 0;
	}
	p->source_port = *(u16 *)head;
	p->destination_port = *(u16 *)(head + 2);
	return 1;
}

// read_network reads the header of IPv4 or IPv6 behind the link's; 0 if there is none that we know.
inline_always int read_network(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	if (skb->protocol == big16(0x0800)) {
		if (data + LINK + sizeof(struct ipv4) > end) {
			if (pull_data(skb, LINK + sizeof(struct ipv4)))
				return 0;
			data = (void *)(u64)skb->data, end = (void *)(u64)skb->data_end;
			if (data + LINK + sizeof(struct ipv4) > end)
				return 0;
		}
		return read_ipv4(data + LINK, LINK, p);
	}
	if (skb->protocol != big16(0x86dd))
		return 0;
	if (data + LINK + sizeof(struct ipv6) > end) {
		if (pull_data(skb, LINK + sizeof(struct ipv6)))
			return 0;
		data = (void *)(u64)skb->data, end = (void *)(u64)skb->data_end;
		if (data + LINK + sizeof(struct ipv6) > end)
			return 0;
	}
	return read_ipv6(skb, data + LINK, LINK, p);
}

inline_always void name_piece(const struct packet *p, struct piece *k)
{
	k->source = p->source;
	k->destination = p->destination;
	k->identification = p->identification;
	k->protocol = p->protocol;
	k->zero[0] = k->zero[1] = k->zero[2] = 0;
}

// read_pieces gives the later pieces of a packet the ports of the first, which has to come first.
__attribute__((noinline)) int read_pieces(struct packet *p)
{
	struct piece k;
	if (!p)
		return 0;
	name_piece(p, &k);
	if (p->piece == 1) {
		struct ports ports = {p->source_port, p->destination_port};
		return !update(&pieces, &k, &ports, UPDATE_ANY);
	}
	struct ports *ports = lookup(&pieces, &k);
	if (!ports)
		return 0;
	p->source_port = ports->source;
	p->destination_port = ports->destination;
	return 1;
}
