// A conntrack entry, its text, and how it goes into and comes out of ctnetlink
// messages. One line is one entry:
//   udp 192.0.2.7:6000 > 203.0.113.1:8125 | 10.88.0.2:5353 > 192.0.2.7:6000 dnat zone=7
// IPv6 addresses in brackets; the ports of ICMP are id and type. The words that
// may follow, in this order: snat dnat seen assured fixed offload, zone=N (both
// directions), zone-orig=N, zone-reply=N.
#pragma once
#include "../../bench/floor/ct.h"

enum {
	SEEN_REPLY = 0x2,
	ASSURED = 0x4,
	CONFIRMED = 0x8,
	SRC_NAT = 0x10,
	DST_NAT = 0x20,
	FIXED_TIMEOUT = 0x400,
	OFFLOAD = 0x4000,
};

struct tuple {
	uint8_t src[16], dst[16];
	uint16_t sport, dport, zone;
};

struct entry {
	uint8_t family, proto;
	struct tuple orig, reply;
	uint32_t status;
	uint16_t zone;
	uint8_t id[4];
};

#define LINE 512

/** Ends the program if the line is none. */
struct entry entry_of(const char *line);
void text_of(const struct entry *e, char text[LINE]);

/** IPCTNL_MSG_CT_NEW that creates the entry; NAT is set up by the kernel where the line says so. */
void write_new(struct writer *w, uint32_t seq, const struct entry *e);
/** Reads a message of a dump. */
struct entry read_entry(struct nlmsghdr *h);
