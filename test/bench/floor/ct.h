// For all C programs of the benchmark: a netlink socket, a message
// writer, attribute reading. No retries and no options; on any surprise the
// program ends with a message, because a figure of a broken run is worthless.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECV_SIZE 65536

// net/netfilter/nf_internals.h; not in the kernel's public headers.
enum {
	FILTER_IP_SRC = 1 << 0,
	FILTER_PROTO_NUM = 1 << 3,
	FILTER_SRC_PORT = 1 << 4,
	FILTER_DST_PORT = 1 << 5,
};

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline int ct_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	if (fd < 0 || connect(fd, (void *)&kernel, sizeof kernel) < 0)
		die("netlink socket");
	return fd;
}

struct writer {
	char *at, *end;
};

static inline void *put(struct writer *w, size_t len)
{
	char *p = w->at;
	size_t whole = NLMSG_ALIGN(len);
	if ((size_t)(w->end - p) < whole) {
		errno = EMSGSIZE;
		die("message buffer");
	}
	memset(p, 0, whole);
	w->at += whole;
	return p;
}

static inline struct nlmsghdr *message(struct writer *w, int type, int flags, uint32_t seq, uint8_t family)
{
	struct nlmsghdr *h = put(w, sizeof *h);
	struct nfgenmsg *g = put(w, sizeof *g);
	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	g->nfgen_family = family;
	return h;
}

static inline void message_end(struct writer *w, struct nlmsghdr *h)
{
	h->nlmsg_len = w->at - (char *)h;
}

static inline struct nlattr *attr(struct writer *w, int type, const void *data, size_t len)
{
	struct nlattr *a = put(w, NLA_HDRLEN + len);
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	return a;
}

static inline struct nlattr *nest(struct writer *w, int type)
{
	return attr(w, type | NLA_F_NESTED, NULL, 0);
}

static inline void nest_end(struct writer *w, struct nlattr *a)
{
	a->nla_len = w->at - (char *)a;
}

static inline void attr_u8(struct writer *w, int type, uint8_t v)
{
	attr(w, type, &v, sizeof v);
}

static inline void attr_be16(struct writer *w, int type, uint16_t v)
{
	v = htons(v);
	attr(w, type, &v, sizeof v);
}

static inline void attr_be32(struct writer *w, int type, uint32_t v)
{
	v = htonl(v);
	attr(w, type, &v, sizeof v);
}

static inline size_t ct_recv(int fd, char *buf)
{
	ssize_t n = recv(fd, buf, RECV_SIZE, 0);
	if (n < 0)
		die("recv");
	return n;
}

// GET_STATS: the number of entries in this namespace.
static inline uint32_t ct_count(int fd)
{
	char buf[8192];
	struct writer w = {buf, buf + sizeof buf};
	struct nlmsghdr *h = message(&w, IPCTNL_MSG_CT_GET_STATS, 0, 1, AF_UNSPEC);
	message_end(&w, h);
	if (send(fd, buf, w.at - buf, 0) < 0 || recv(fd, buf, sizeof buf, 0) < 0)
		die("stats");
	struct nlattr *a = (void *)(buf + NLMSG_HDRLEN + sizeof(struct nfgenmsg));
	if (h->nlmsg_type == NLMSG_ERROR || a->nla_type != CTA_STATS_GLOBAL_ENTRIES) {
		errno = EPROTO;
		die("stats");
	}
	uint32_t n;
	memcpy(&n, a + 1, sizeof n);
	return ntohl(n);
}
