// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// The table and the connections. The Go side (layout.go) writes and reads the same layouts; LAYOUT there and here moves with them.
#pragma once
#include "kernel.h"

// Addresses and ports are in the wire's order; an IPv4 address is ::ffff:a.b.c.d.
struct address {
	u32 part[4];
};

struct endpoint {
	struct address address;
	u16 port;
	u8 protocol, zero;
};

enum { SERVICE_USED = 1, SERVICE_IPV6 = 2, SERVICE_ONE_PACKET = 4, SERVICE_FALLBACK = 8, SERVICE_PORT = 16, SERVICE_ANY_PORT = 32 };

// The numbers of schedulers are layout.go's.
enum { RR = 1, WRR, LC, WLC, LBLC, DH, SH, SED, NQ, FO, OVF, MH };

struct service {
	struct address address;
	u16 port;
	u8 protocol, scheduler;
	u32 mark, flags;
	u32 persist; // seconds
	u32 prefix;  // bits of a client's address that persist together, of 128
	u32 order;   // the last that a server of it got
	u64 table;   // of slots: the first << 32 | how many; one word, so that a new table takes the old one's place at once
	u32 turn;    // moves with each connection that is scheduled by turns
	u32 zero;
	u64 retired[5]; // what servers that are gone had counted
	u64 spare[4];
};

enum { SERVER_USED = 1, SERVER_GONE = 2 };
enum { NAT = 0, DIRECT = 1, TUNNEL = 2, LOCAL = 3 };
enum { WRAP_IPIP = 0, WRAP_GUE = 1, WRAP_GRE = 2 };

struct server {
	struct address address;
	u16 port;
	u8 forward, flags;
	u32 service;
	u32 generation; // moves when the place is given to another server
	u32 weight, upper, lower, order;
	u16 wrap_port;
	u8 wrap, wrap_flags;
	u64 gone; // since when, seconds of Unix time: the Go side's
	u64 spare;
};

// What a server has to do. Pending are handshakes: they count for little and are forgotten by halves, as nobody tells when
// one is abandoned.
struct load {
	s32 active, inactive, pending;
	u32 shut; // above its upper limit, not yet below its lower one
};

struct counters {
	u64 connections, in_packets, out_packets, in_bytes, out_bytes;
};

// A connection is found from both sides by its client and its service, so it has one entry: who answers tells the server,
// and a server's address leads to the services it is in (reals).
struct key {
	struct address client;
	u32 service;
	u16 client_port, virtual_port; // the latter of services of every port, and of marks
	u8 protocol, zero[3];
};

enum { NONE, SYN_RECV, ESTABLISHED, FIN_WAIT, TIME_WAIT, CLOSED, DATAGRAMS, STATES };
enum { FINISHED_CLIENT = 1, FINISHED_SERVER = 2, ANSWERED = 4, PENDING = 8, MASQUERADED = 16, SEEN_AGAIN = 32 };

struct connection {
	u64 seen; // CLOCK_MONOTONIC in ns, as coarse as the kernel's tick
	u32 server, generation;
	u8 state, flags;
	u16 local_port;
	u32 zero;
	struct address virtual, local; // what the client asked for; the director's address, when it is masqueraded
};

// A client that is to come back to its server.
struct returning {
	struct address client; // its network
	u32 service;
};

struct template {
	u64 seen;
	u32 server, generation;
};

#define SHARDS 64
#define SERVICES_OF_A_SERVER 14

struct real {
	u32 count;
	u32 service[SERVICES_OF_A_SERVER];
};

struct piece { // of a fragmented packet
	struct address source, destination;
	u32 identification;
	u8 protocol, zero[3];
};

struct ports {
	u16 source, destination;
};

enum { ANY_PORT_SERVICES = 1, MARK_SERVICES = 2, ROUTING_RULES = 4 };

struct settings {
	u32 layout, flags;
	u64 generation; // of the table: moves with each change
	u64 timeout[8]; // by state, ns
};

struct source { // of an interface: what a tunnel's or a masqueraded packet leaves with
	struct address ipv4, ipv6;
};

struct slots {
	u32 server[16];
};

struct mark {
	u32 mark, ipv6;
};

struct clock {
	struct bpf_timer timer;
	u32 shard, zero;
};

// A way that the kernel's routing told lately, by where it leads and where the packet came from.
struct way {
	u32 ifindex;
	struct next_hop hop;
	u32 mtu; // 0: not known
};

struct remembered {
	struct address to;
	struct way way;
	u32 from;
	u64 told; // CLOCK_MONOTONIC in ns
};

#define WAYS 4096
#define WAY_HOLDS 250000000ULL // ns

// Sizes are what the Go side sets before it loads.
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct settings); } settings SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct service); } services SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct server); } servers SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct load); } loads SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct slots); } tables SEC(".maps");
struct { number(type, MAP_PERCPU_ARRAY); number(max_entries, 1); type(key, u32); type(value, struct counters); } counted SEC(".maps");
struct { number(type, MAP_HASH); number(max_entries, 1); number(map_flags, NO_PREALLOC); type(key, struct endpoint); type(value, u32); } virtuals SEC(".maps");
struct { number(type, MAP_HASH); number(max_entries, 1); number(map_flags, NO_PREALLOC); type(key, struct mark); type(value, u32); } marks SEC(".maps");
struct { number(type, MAP_HASH); number(max_entries, 1); number(map_flags, NO_PREALLOC); type(key, struct endpoint); type(value, struct real); } reals SEC(".maps");
struct { number(type, MAP_LRU_HASH); number(max_entries, 1); type(key, struct key); type(value, struct connection); } beginnings SEC(".maps");
struct { number(type, MAP_LRU_HASH); number(max_entries, 1); type(key, struct returning); type(value, struct template); } templates SEC(".maps");
struct { number(type, MAP_LRU_HASH); number(max_entries, 1); type(key, struct piece); type(value, struct ports); } pieces SEC(".maps");
struct { number(type, MAP_HASH); number(max_entries, 1024); number(map_flags, NO_PREALLOC); type(key, u32); type(value, struct source); } sources SEC(".maps");
struct { number(type, MAP_PERCPU_ARRAY); number(max_entries, WAYS); type(key, u32); type(value, struct remembered); } ways SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); type(key, u32); type(value, struct clock); } clocks SEC(".maps");
struct shard { number(type, MAP_HASH); number(max_entries, 1); type(key, struct key); type(value, struct connection); };
struct {
	number(type, MAP_ARRAY_OF_MAPS);
	number(max_entries, SHARDS);
	type(key, u32);
	__attribute__((aligned(8))) struct shard *values[];
} connections SEC(".maps");

inline_always struct settings *set(void)
{
	u32 zero = 0;
	return lookup(&settings, &zero);
}

inline_always struct server *server_at(u32 at) { return lookup(&servers, &at); }
inline_always struct service *service_at(u32 at) { return lookup(&services, &at); }

// mix spreads the bits of a word (the end of splitmix64).
inline_always u64 mix(u64 n)
{
	n ^= n >> 30;
	n *= 0xbf58476d1ce4e5b9ULL;
	n ^= n >> 27;
	n *= 0x94d049bb133111ebULL;
	return n ^ n >> 31;
}

// spread is the hash of an address and a port. It is the same on every director.
inline_always u32 spread(const struct address *a, u16 port)
{
	u64 high = mix((u64)a->part[0] << 32 | a->part[1]);
	u64 low = (u64)a->part[2] << 32 | a->part[3];
	return mix(high + low + ((u64)port << 40) + 0x9e3779b97f4a7c15ULL) >> 32;
}

inline_always void *shard_of(const struct key *k)
{
	u32 at = spread(&k->client, k->client_port) % SHARDS;
	return lookup(&connections, &at);
}
