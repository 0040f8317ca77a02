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
	u64 table;   // of slots: the first row << 32 | how many slots, and of what kind; one word, so that a new table takes the old one's place at once
	u32 base;    // slots hold by how much their server's number is above this one
	u32 turn;    // moves with each connection that is scheduled by turns
	u32 next, place; // where loads are ranked: the server with the least to do, and its slot
	u64 retired[5]; // what servers that are gone had counted
	u64 spare[3];
};

enum { SERVER_USED = 1, SERVER_GONE = 2 };
enum { NAT = 0, DIRECT = 1, TUNNEL = 2, LOCAL = 3 };
enum { WRAP_IPIP = 0, WRAP_GUE = 1, WRAP_GRE = 2 };

struct server {
	// What a new connection needs is one cache line. Of IPv6 the address here is 0.
	u32 ipv4;
	u16 port;
	u8 forward, flags;
	u32 service;
	u32 generation; // moves when the place is given to another server
	u32 weight, upper, lower;
	u32 place; // in its service's table, where loads are ranked; NO_PLACE elsewhere
	// What the programs write: what it has to do, and the way to it. Pending are handshakes.
	s32 active, inactive, pending;
	u32 shut; // above its upper limit, not yet below its lower one
	u64 connections; // that began, but those that are pending: their first packet has enough to wait for
	u32 way, told; // of ways, 1 the first; ticks

	struct address address;
	u32 order;
	u16 wrap_port;
	u8 wrap, wrap_flags;
	u64 gone; // since when, seconds of Unix time: the Go side's
	u64 spare[4];
};

#define NO_PLACE 0xffffffff

// What one processor has counted of a server.
struct work {
	u64 in_packets, out_packets, in_bytes, out_bytes;
};

// A way that the kernel's routing told lately. It is another's when it has not been told again for WAY_STALE.
struct way {
	u32 ifindex;
	struct next_hop hop;
	u32 mtu;  // 0: not known
	u32 told; // ticks
};

#define WAYS 8192

// The hardware addresses that packets on a way leave with.
struct neighbour {
	u8 to[6], from[6];
	u32 told; // ticks
};

// A connection is one slot of a hash table without chains, and one cache line. Its place is told by its client's address and port alone, so that
// it is found from both sides: by what the client asked for, and by the server that answers. Of IPv6 the addresses here are
// hashes; the whole ones are in struct whole, at the same place.
struct flow {
	u32 tag;       // FREE, TAKEN while it is written, or from the hash
	u32 displaced; // which of the places behind have flows that belong here: a bit for each; of the place, not of the flow
	u32 client, virtual, server_address;
	u16 client_port, virtual_port, server_port;
	u8 protocol, state;
	u32 seen; // ticks
	u32 server;
	u32 checked; // the table's generation for which the server is known to be usable
	u16 generation; // the server's, as far as it fits
	u8 flags, away; // away: which of the places behind it is in; 0: it is where it belongs
	u16 way, told, back, back_told; // to the server and to the client: of ways, 1 the first; ticks, as far as they fit
	u16 in_packets, out_packets; // not yet the server's
	u32 in_bytes, out_bytes;
};

struct whole {
	struct address client, virtual, server;
	u64 zero[2];
};

enum { FREE = 0, TAKEN = 1 };
enum { NONE, SYN_RECV, ESTABLISHED, FIN_WAIT, TIME_WAIT, CLOSED, DATAGRAMS, STATES };
// FORWARD: by which a way of forwarding is multiplied. LEARNED: of another director, and no packet of it has been here yet.
enum { FINISHED_CLIENT = 1, FINISHED_SERVER = 2, ANSWERED = 4, PENDING = 8, IPV6 = 16, FORWARD = 32, LEARNED = 128 };

// A client that is to come back to its server.
struct returning {
	struct address client; // its network
	u32 service;
};

struct template {
	u64 seen;
	u32 server, generation;
};

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

enum { ANY_PORT_SERVICES = 1, MARK_SERVICES = 2, ROUTING_RULES = 4, EXCHANGED = 8, MASKED_CLIENTS = 16 };

struct settings {
	u32 layout, flags;
	u64 generation; // of the table: moves with each change
	u64 seed;       // of the hash of connections
	u32 timeout[8]; // by state, in ticks of the kernel's clock
	u64 tick;       // ns
	u32 express, zero; // the Go side's: where the program express is to be
};

// A client whose servers would answer it past us, by the address and port that they know it by.
struct masked {
	struct address client, virtual;
	u16 client_port, virtual_port;
};

struct source { // of an interface: what a tunnel's or a masqueraded packet leaves with
	struct address ipv4, ipv6;
	u8 link[6]; // its hardware address
	u8 express; // it takes packets from its driver (express.h)
	u8 zero;
};

struct listing { // of a service in the directory
	u32 number; // 1 is the first service's; 0: none, and nothing behind
	u32 hash;   // of its address
};

// A row of a table: slots, as wide as the numbers in them need, or costs (rank.h).
struct row {
	union {
		u8 narrow[64];
		u16 middle[32];
		u32 wide[16];
	};
};

struct mark {
	u32 mark, ipv6;
};

struct clock {
	struct bpf_timer timer;
	u32 share, zero;
};

struct occupancy {
	s32 beginnings;
	u32 news; // how many there have been
};

// What became of a flow, for the exchange of connections: the last so many.
#define NEWS (1 << 16)

struct news {
	u32 slot, number; // 1 the first; written after what it is of
};

// Sizes are what the Go side sets before it loads.
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct settings); } settings SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct service); } services SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct server); } servers SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct listing); } directory SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct row); } tables SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct work); } counted SEC(".maps"); // the servers of the first processor, of the second, …
struct { number(type, MAP_HASH); number(max_entries, 1); number(map_flags, NO_PREALLOC); type(key, struct mark); type(value, u32); } marks SEC(".maps");
struct { number(type, MAP_HASH); number(max_entries, 1); number(map_flags, NO_PREALLOC); type(key, struct endpoint); type(value, struct real); } reals SEC(".maps");
struct { number(type, MAP_LRU_HASH); number(max_entries, 1); type(key, struct returning); type(value, struct template); } templates SEC(".maps");
struct { number(type, MAP_LRU_HASH); number(max_entries, 1); type(key, struct piece); type(value, struct ports); } pieces SEC(".maps");
struct { number(type, MAP_HASH); number(max_entries, 1024); number(map_flags, NO_PREALLOC); type(key, u32); type(value, struct source); } sources SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, WAYS); type(key, u32); type(value, struct way); } ways SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, WAYS); type(key, u32); type(value, struct neighbour); } neighbours SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); type(key, u32); type(value, struct clock); } clocks SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct flow); } flows SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct whole); } wholes SEC(".maps");
struct { number(type, MAP_LRU_HASH); number(max_entries, 1 << 14); type(key, struct endpoint); type(value, struct masked); } masks SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, 1); number(map_flags, MMAPABLE); type(key, u32); type(value, struct occupancy); } occupied SEC(".maps");
struct { number(type, MAP_ARRAY); number(max_entries, NEWS); number(map_flags, MMAPABLE); type(key, u32); type(value, struct news); } news SEC(".maps");

// What the Go side says when it loads.
const volatile u32 server_places = 0; // how many there are in the table
const volatile u32 directory_mask = 0; // how many places it has, a power of two, less one
const volatile u32 flow_mask = 0;     // how many flows there is room for, a power of two, less one
const volatile u32 most_beginnings = 0;
const volatile u32 way_holds = 0;     // ticks
const volatile u32 stores_in_order = 0; // other processors see what one stores in the order in which it does

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
