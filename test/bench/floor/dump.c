// The floor of a scan: one full dump (both families), read into a 64 kB
// buffer, looking at the fields that decide about an entry. Deletes nothing.
//   dump HOST4 POD4 HOSTPORT:CONTAINERPORT...
#include "ct.h"

struct tuple {
	const char *src, *dst, *sport, *dport;
	uint8_t proto;
	uint8_t v6;
};

static uint16_t container_port[65536]; // by host port, both in wire order; 0 = not asked for
static uint32_t host, pod;

static void read_ip(struct nlattr *a, struct nlattr *end, struct tuple *t)
{
	for (; a < end; a = (void *)((char *)a + NLA_ALIGN(a->nla_len))) {
		int type = a->nla_type & NLA_TYPE_MASK;
		if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC) {
			t->src = (char *)(a + 1);
			t->v6 = type == CTA_IP_V6_SRC;
		} else if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST) {
			t->dst = (char *)(a + 1);
		}
	}
}

static void read_proto(struct nlattr *a, struct nlattr *end, struct tuple *t)
{
	for (; a < end; a = (void *)((char *)a + NLA_ALIGN(a->nla_len))) {
		switch (a->nla_type & NLA_TYPE_MASK) {
		case CTA_PROTO_NUM:
			t->proto = *(uint8_t *)(a + 1);
			break;
		case CTA_PROTO_SRC_PORT:
			t->sport = (char *)(a + 1);
			break;
		case CTA_PROTO_DST_PORT:
			t->dport = (char *)(a + 1);
			break;
		}
	}
}

static void read_tuple(struct nlattr *a, struct nlattr *end, struct tuple *t)
{
	for (; a < end; a = (void *)((char *)a + NLA_ALIGN(a->nla_len))) {
		struct nlattr *inner = a + 1, *inner_end = (void *)((char *)a + a->nla_len);
		int type = a->nla_type & NLA_TYPE_MASK;
		if (type == CTA_TUPLE_IP)
			read_ip(inner, inner_end, t);
		else if (type == CTA_TUPLE_PROTO)
			read_proto(inner, inner_end, t);
	}
}

static uint16_t be16(const char *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static int is_hit(struct nlmsghdr *h)
{
	struct nlattr *a = (void *)((char *)h + NLMSG_HDRLEN + sizeof(struct nfgenmsg));
	struct nlattr *end = (void *)((char *)h + h->nlmsg_len);
	struct tuple orig = {0}, reply = {0};
	for (; a < end; a = (void *)((char *)a + NLA_ALIGN(a->nla_len))) {
		struct nlattr *inner = a + 1, *inner_end = (void *)((char *)a + a->nla_len);
		int type = a->nla_type & NLA_TYPE_MASK;
		if (type == CTA_TUPLE_ORIG)
			read_tuple(inner, inner_end, &orig);
		else if (type == CTA_TUPLE_REPLY)
			read_tuple(inner, inner_end, &reply);
	}
	if (orig.proto != IPPROTO_UDP || !orig.dport || !orig.dst || !reply.sport || !reply.src)
		return 0;
	uint16_t want = container_port[be16(orig.dport)];
	if (want == 0 || (!orig.v6 && memcmp(orig.dst, &host, 4) != 0))
		return 0;
	return want != be16(reply.sport) || reply.v6 || memcmp(reply.src, &pod, 4) != 0;
}

int main(int argc, char **argv)
{
	static char buf[RECV_SIZE];
	unsigned entries = 0, hits = 0, from, to;
	if (argc < 3 || inet_pton(AF_INET, argv[1], &host) != 1 || inet_pton(AF_INET, argv[2], &pod) != 1)
		return 2;
	for (int i = 3; i < argc; i++)
		if (sscanf(argv[i], "%u:%u", &from, &to) == 2)
			container_port[htons(from)] = htons(to);

	int fd = ct_socket();
	struct writer w = {buf, buf + sizeof buf};
	message_end(&w, message(&w, IPCTNL_MSG_CT_GET, NLM_F_DUMP, 1, AF_UNSPEC));
	if (send(fd, buf, w.at - buf, 0) < 0)
		die("send");
	for (;;) {
		int n = ct_recv(fd, buf);
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE) {
				printf("entries %u hits %u\n", entries, hits);
				return 0;
			}
			if (h->nlmsg_type == NLMSG_ERROR) {
				errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
				die("dump");
			}
			entries++;
			hits += is_hit(h);
		}
	}
}
