// Makes and empties the table that the benchmark works on, in the network
// namespace /run/netns/NS and in no other. NS must begin with "cfbench-".
//   fill NS table FROM TO [PORT]     entries number FROM to TO-1 of the mixture,
//                                    or those of a port that are missing
//   fill NS hits N HOST POD H:C...   N UDP entries for each mapping, made anew;
//                                    HOST and POD are addresses of one family
//   fill NS gone N HOST POD H:C...   takes these away
//   fill NS count                    how many entries there are
//   fill NS empty
#define _GNU_SOURCE
#include "ct.h"
#include <fcntl.h>
#include <sched.h>

#define PER_SEND 128 // 256 answers fit into the default receive buffer

static int fd;
static uint32_t seq;
static char out[65536];
static struct writer w;
static int pending;

struct flow {
	uint8_t family, proto;
	uint8_t src[16], dst[16], reply_src[16], reply_dst[16];
	uint16_t sport, dport, reply_sport, reply_dport;
};

static void settle(void)
{
	char buf[RECV_SIZE];
	if (pending == 0)
		return;
	if (send(fd, out, w.at - out, 0) < 0)
		die("send");
	for (;;) {
		int n = ct_recv(fd, buf);
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (errno && errno != ENOENT && errno != EEXIST)
				die("entry");
			if (h->nlmsg_seq == seq) {
				w.at = out;
				pending = 0;
				return;
			}
		}
	}
}

static void tuple(int type, const struct flow *f, const uint8_t *src, const uint8_t *dst, int sport, int dport)
{
	int v6 = f->family == AF_INET6;
	struct nlattr *t = nest(&w, type), *ip = nest(&w, CTA_TUPLE_IP);
	attr(&w, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, src, v6 ? 16 : 4);
	attr(&w, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, dst, v6 ? 16 : 4);
	nest_end(&w, ip);
	struct nlattr *proto = nest(&w, CTA_TUPLE_PROTO);
	attr_u8(&w, CTA_PROTO_NUM, f->proto);
	attr_be16(&w, CTA_PROTO_SRC_PORT, sport);
	attr_be16(&w, CTA_PROTO_DST_PORT, dport);
	nest_end(&w, proto);
	nest_end(&w, t);
}

static void request(int type, const struct flow *f)
{
	// Errors always come back; the ack of the last message is the fence.
	int last = ++pending == PER_SEND;
	struct nlmsghdr *h = message(&w, type, type == IPCTNL_MSG_CT_NEW ? NLM_F_CREATE | NLM_F_EXCL : 0, ++seq, f->family);
	if (last)
		h->nlmsg_flags |= NLM_F_ACK;
	tuple(CTA_TUPLE_ORIG, f, f->src, f->dst, f->sport, f->dport);
	if (type == IPCTNL_MSG_CT_NEW) {
		tuple(CTA_TUPLE_REPLY, f, f->reply_src, f->reply_dst, f->reply_sport, f->reply_dport);
		attr_be32(&w, CTA_STATUS, 0x2 | 0x4 | 0x8); // SEEN_REPLY, ASSURED, CONFIRMED
		attr_be32(&w, CTA_TIMEOUT, 86400);
		if (f->proto == IPPROTO_TCP) {
			struct nlattr *info = nest(&w, CTA_PROTOINFO), *tcp = nest(&w, CTA_PROTOINFO_TCP);
			attr_u8(&w, CTA_PROTOINFO_TCP_STATE, 3); // ESTABLISHED
			nest_end(&w, tcp);
			nest_end(&w, info);
		}
	}
	message_end(&w, h);
	if (last)
		settle();
}

static void finish(void)
{
	if (pending == 0)
		return;
	// The batch is not full: ask for the ack in what is its last message.
	struct nlmsghdr *h = (void *)out, *end = (void *)w.at;
	while ((char *)h + h->nlmsg_len < (char *)end)
		h = (void *)((char *)h + h->nlmsg_len);
	h->nlmsg_flags |= NLM_F_ACK;
	settle();
}

static void ip4(uint8_t *to, uint32_t v)
{
	v = htonl(v);
	memcpy(to, &v, 4);
}

static void ip6(uint8_t *to, uint32_t prefix, uint32_t v)
{
	memset(to, 0, 16);
	ip4(to, prefix);
	ip4(to + 12, v);
}

static void address(struct flow *f, uint8_t *to, uint32_t v4, uint32_t v6)
{
	if (f->family == AF_INET)
		ip4(to, v4);
	else
		ip6(to, 0xfd000000 | v6, v4);
}

// Number i of the mixture a busy node has: of 20 entries 5 are DNS to service
// addresses, 2 DNS to servers outside (masqueraded), 1 other UDP and 8 TCP to
// services, 2 connections out of the cluster (masqueraded), 2 from outside to
// the node; a quarter is IPv6. So a third has destination port 53.
static void mixture(struct flow *f, unsigned i)
{
	unsigned kind = i % 20, client = i / 20;
	f->family = i / 20 % 4 == 3 ? AF_INET6 : AF_INET;
	f->sport = f->reply_dport = 1024 + client / 250 % 60000;
	address(f, f->src, 0x0af40000 + client % 250, 1);       // a pod
	address(f, f->dst, 0x0a600000 + 10 + kind, 2);          // a service
	address(f, f->reply_src, 0x0af50000 + i % 1000, 3);     // its endpoint
	memcpy(f->reply_dst, f->src, 16);
	f->proto = kind < 8 || kind == 18 ? IPPROTO_UDP : IPPROTO_TCP;
	f->dport = kind < 7 ? 53 : kind < 16 ? 8000 + kind : 443;
	f->reply_sport = kind < 5 ? 5353 : f->dport;
	int out = kind == 5 || kind == 6 || kind == 16 || kind == 17;
	if (out || kind >= 18) {
		address(f, f->dst, out ? 0xc6336400 + 6 * kind + 2 * (client / 50000) : 0xcb007101, 4);
		memcpy(f->reply_src, f->dst, 16);
	}
	if (out) { // masqueraded as the node
		address(f, f->reply_dst, 0xcb007101, 5);
		f->reply_dport = 1024 + client % 50000;
	} else if (kind >= 18) { // a client outside
		address(f, f->src, 0xc0000000 + client % 250, 6);
		memcpy(f->reply_dst, f->src, 16);
	}
}

static void hits(int passes, int n, const char *host, const char *pod, int count, char **mappings)
{
	struct flow f = {.proto = IPPROTO_UDP};
	f.family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(f.family, host, f.dst) != 1 || inet_pton(f.family, pod, f.reply_src) != 1)
		exit(2);
	for (int pass = 0; pass < passes; pass++) {
		for (int m = 0; m < count; m++) {
			unsigned host_port, container_port;
			if (sscanf(mappings[m], "%u:%u", &host_port, &container_port) != 2)
				exit(2);
			f.dport = host_port;
			f.reply_sport = container_port;
			for (int i = 0; i < n; i++) {
				address(&f, f.src, 0xc6336500 + i % 250, 7);
				memcpy(f.reply_dst, f.src, 16);
				f.sport = f.reply_dport = 10000 + m * (n / 250 + 1) + i / 250;
				// An entry of the last run may still be there, retired.
				request(pass == 0 ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW, &f);
			}
		}
		finish();
	}
}

static void empty(void)
{
	struct nlmsghdr *h = message(&w, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, ++seq, AF_UNSPEC);
	message_end(&w, h); // no tuple: everything in this namespace
	pending = 1;
	settle();
}

// Only a namespace of the benchmark's own, known by its name, is entered.
static void enter(const char *name)
{
	char path[256];
	if (strncmp(name, "cfbench-", 8) != 0 || strchr(name, '/')) {
		fprintf(stderr, "not a namespace of the benchmark: %s\n", name);
		exit(2);
	}
	snprintf(path, sizeof path, "/run/netns/%s", name);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(path);
	close(ns);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	enter(argv[1]);
	const char *verb = argv[2];
	w = (struct writer){out, out + sizeof out};
	fd = ct_socket();
	if (!strcmp(verb, "count")) {
		printf("%u\n", ct_count(fd));
	} else if (!strcmp(verb, "empty")) {
		empty();
	} else if (!strcmp(verb, "table") && argc >= 5) {
		int port = argc > 5 ? atoi(argv[5]) : 0;
		for (unsigned i = atoi(argv[3]), to = atoi(argv[4]); i < to; i++) {
			struct flow f = {0};
			mixture(&f, i);
			if (port == 0 || f.dport == port)
				request(IPCTNL_MSG_CT_NEW, &f);
		}
		finish();
	} else if ((!strcmp(verb, "hits") || !strcmp(verb, "gone")) && argc > 6) {
		hits(*verb == 'h' ? 2 : 1, atoi(argv[3]), argv[4], argv[5], argc - 6, argv + 6);
	} else {
		return 2;
	}
	return 0;
}
