// The floor of a flush: the kernel finds the entries (Linux 6.12 and later).
// One DELETE with an incomplete tuple and CTA_FILTER for each mapping.
//   flush POD4 HOSTPORT:CONTAINERPORT...
#include "ct.h"

static void ports(struct writer *w, int sport, int dport)
{
	struct nlattr *proto = nest(w, CTA_TUPLE_PROTO);
	attr_u8(w, CTA_PROTO_NUM, IPPROTO_UDP);
	if (sport)
		attr_be16(w, CTA_PROTO_SRC_PORT, sport);
	if (dport)
		attr_be16(w, CTA_PROTO_DST_PORT, dport);
	nest_end(w, proto);
}

static void filter_word(struct writer *w, int type, uint32_t flags)
{
	attr(w, type, &flags, sizeof flags); // host byte order, unlike all the rest
}

static void flush(int fd, uint32_t pod, int host, int container)
{
	char buf[RECV_SIZE];
	struct writer w = {buf, buf + sizeof buf};
	struct nlmsghdr *h = message(&w, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, 1, AF_INET);
	struct nlattr *orig = nest(&w, CTA_TUPLE_ORIG);
	ports(&w, 0, host);
	nest_end(&w, orig);
	struct nlattr *reply = nest(&w, CTA_TUPLE_REPLY);
	struct nlattr *ip = nest(&w, CTA_TUPLE_IP);
	attr(&w, CTA_IP_V4_SRC, &pod, sizeof pod);
	nest_end(&w, ip);
	ports(&w, container, 0);
	nest_end(&w, reply);
	struct nlattr *filter = nest(&w, CTA_FILTER);
	filter_word(&w, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM | FILTER_DST_PORT);
	filter_word(&w, CTA_FILTER_REPLY_FLAGS, FILTER_IP_SRC | FILTER_PROTO_NUM | FILTER_SRC_PORT);
	nest_end(&w, filter);
	message_end(&w, h);
	if (send(fd, buf, w.at - buf, 0) < 0)
		die("send");
	ct_recv(fd, buf);
	errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)buf))->error;
	if (errno)
		die("filtered delete");
}

int main(int argc, char **argv)
{
	uint32_t pod;
	int host, container;
	if (argc < 2 || inet_pton(AF_INET, argv[1], &pod) != 1)
		return 2;
	int fd = ct_socket();
	for (int i = 2; i < argc; i++)
		if (sscanf(argv[i], "%d:%d", &host, &container) == 2)
			flush(fd, pod, host, container);
	return 0;
}
