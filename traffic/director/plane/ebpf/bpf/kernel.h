// SPDX-License-Identifier: Apache-2.0 OR MIT OR GPL-2.0-only
//
// What our programs use of the kernel: numbers and layouts of its stable interface to BPF programs (bpf(2), bpf-helpers(7)).
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define inline_always static inline __attribute__((always_inline))
#define big16(n) __builtin_bswap16(n) // a constant or field between the wire's order and ours
#define big32(n) __builtin_bswap32(n)
#define NULL ((void *)0)

// Declarations of maps, read from the types by the loader (BTF).
#define number(name, value) int(*name)[value]
#define type(name, value) typeof(value) *name

enum {
	MAP_HASH = 1, MAP_ARRAY = 2, MAP_LRU_HASH = 9,
	NO_PREALLOC = 1, MMAPABLE = 1024, // flags of maps
	UPDATE_ANY = 0, UPDATE_NEW = 1,
	PACKET_HOST = 0,
	VERDICT_NEXT = -1, VERDICT_OK = 0, VERDICT_DROP = 2,
	CLOCK_MONOTONIC = 1,
	INET = 2, INET6 = 10,
	FIB_SUCCESS = 0, FIB_LOCAL = 4, FIB_NO_NEIGHBOUR = 7, FIB_TOO_BIG = 8,
	REDIRECT_INGRESS = 1,
	EXPRESS_PASS = 2, EXPRESS_BACK = 3, // of XDP: to the rest of the kernel, and out by where it came in
	SUM_PSEUDO = 1 << 4, SUM_ZERO_STAYS = 1 << 5, SUM_IPV6 = 1 << 7, // flags of l4_csum_replace
	ROOM_BEHIND_LINK = 1, // between the link's header and the network's
	ROOM_SAME_SEGMENTS = 1 << 0, ROOM_IPV4 = 1 << 1, ROOM_IPV6 = 1 << 2, ROOM_GRE = 1 << 3, ROOM_UDP = 1 << 4,
};

struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex, tc_index;
	u32 cb[5];
	u32 hash, tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4;
	u32 remote_ip6[4], local_ip6[4];
	u32 remote_port, local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
	u64 sk;
	u32 gso_size;
};

// What a packet's checksum is (linux/skbuff.h): made for the whole segment by whoever sends it, or only begun.
enum { SUM_WHOLE = 0, SUM_COMPLETE = 2, SUM_PARTIAL = 3, SUM_UNTOLD };

struct sk_buff {
	u8 ip_summed : 2;
} __attribute__((preserve_access_index));

// Linux 6.2 and later tell what the checksum is.
extern void *bpf_cast_to_kern_ctx(void *skb) __attribute__((section(".ksyms"), weak));

struct fib { // struct bpf_fib_lookup
	u8 family, protocol;
	u16 source_port, destination_port, length_or_mtu;
	u32 ifindex, tos_or_flow;
	u32 source[4], destination[4];
	u32 vlan;
	u8 from[6], to[6];
};

struct frame { // struct xdp_md
	u32 data, data_end, data_meta, ifindex, queue, to_ifindex;
};

struct sock_addr { // struct bpf_sock_addr
	u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, from_ip4, from_ip6[4];
	u64 sk;
};

struct next_hop { // struct bpf_redir_neigh
	u32 family;
	u32 address[4];
};

struct bpf_timer {
	u64 opaque[2];
} __attribute__((aligned(8)));

static void *(*lookup)(void *map, const void *key) = (void *)1;
static long (*update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u32 (*random_number)(void) = (void *)7;
static long (*store_bytes)(struct __sk_buff *skb, u32 offset, const void *from, u32 length, u64 flags) = (void *)9;
static long (*l4_sum)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) = (void *)11;
static long (*redirect)(u32 ifindex, u64 flags) = (void *)23;
static long (*load_bytes)(const struct __sk_buff *skb, u32 offset, void *to, u32 length) = (void *)26;
static long (*sum_difference)(void *from, u32 from_size, void *to, u32 to_size, u32 seed) = (void *)28;
static long (*change_tail)(struct __sk_buff *skb, u32 length, u64 flags) = (void *)38;
static long (*pull_data)(struct __sk_buff *skb, u32 length) = (void *)39;
static long (*adjust_room)(struct __sk_buff *skb, s32 difference, u32 mode, u64 flags) = (void *)50;
static long (*fib_lookup)(void *context, struct fib *params, int size, u32 flags) = (void *)69;
static long (*redirect_neighbour)(u32 ifindex, struct next_hop *params, int size, u64 flags) = (void *)152;
static u32 (*processor)(void) = (void *)8;
static u64 (*jiffies)(void) = (void *)118;
static u64 (*namespace_of)(void *context) = (void *)122;
static u64 (*coarse_time)(void) = (void *)160;
static long (*timer_init)(struct bpf_timer *timer, void *map, u64 flags) = (void *)169;
static long (*timer_set_callback)(struct bpf_timer *timer, void *callback) = (void *)170;
static long (*timer_start)(struct bpf_timer *timer, u64 nanoseconds, u64 flags) = (void *)171;
static long (*repeat)(u32 times, void *callback, void *context, u64 flags) = (void *)181;

// call_for has a line of memory come: what is read of it is not used, so that the program goes on meanwhile.
inline_always void call_for(const void *line) { (void)*(const volatile u32 *)line; }

// ticks is what time it is by the kernel's clock, as far as a word goes; no call, but one load.
inline_always u32 ticks(void) { return jiffies(); }
