// The floor of a flush: the kernel finds the entries (Linux 6.12 and later).
// Two DELETEs with an incomplete tuple and CTA_FILTER for each mapping.
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

static struct nlmsghdr *begin(struct writer *w)
{
	return message(w, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, 1, AF_INET);
}

static void source(struct writer *w, uint32_t pod)
{
	struct nlattr *ip = nest(w, CTA_TUPLE_IP);
	attr(w, CTA_IP_V4_SRC, &pod, sizeof pod);
	nest_end(w, ip);
}

static void end(int fd, char *buf, struct writer *w, struct nlmsghdr *h, uint32_t orig, uint32_t reply)
{
	struct nlattr *filter = nest(w, CTA_FILTER);
	filter_word(w, CTA_FILTER_ORIG_FLAGS, orig);
	filter_word(w, CTA_FILTER_REPLY_FLAGS, reply);
	nest_end(w, filter);
	message_end(w, h);
	if (send(fd, buf, w->at - buf, 0) < 0)
		die("send");
	ct_recv(fd, buf);
	errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)buf))->error;
	if (errno)
		die("filtered delete");
}

// What leads to the pod.
static void flush_target(int fd, uint32_t pod, int host, int container)
{
	char buf[RECV_SIZE];
	struct writer w = {buf, buf + sizeof buf};
	struct nlmsghdr *h = begin(&w);
	struct nlattr *orig = nest(&w, CTA_TUPLE_ORIG);
	ports(&w, 0, host);
	nest_end(&w, orig);
	struct nlattr *reply = nest(&w, CTA_TUPLE_REPLY);
	source(&w, pod);
	ports(&w, container, 0);
	nest_end(&w, reply);
	end(fd, buf, &w, h, FILTER_PROTO_NUM | FILTER_DST_PORT,
	    FILTER_IP_SRC | FILTER_PROTO_NUM | FILTER_SRC_PORT);
}

// What the pod began from the port.
static void flush_begun(int fd, uint32_t pod, int host)
{
	char buf[RECV_SIZE];
	struct writer w = {buf, buf + sizeof buf};
	struct nlmsghdr *h = begin(&w);
	struct nlattr *orig = nest(&w, CTA_TUPLE_ORIG);
	source(&w, pod);
	ports(&w, 0, 0);
	nest_end(&w, orig);
	struct nlattr *reply = nest(&w, CTA_TUPLE_REPLY);
	ports(&w, 0, host);
	nest_end(&w, reply);
	end(fd, buf, &w, h, FILTER_IP_SRC | FILTER_PROTO_NUM, FILTER_PROTO_NUM | FILTER_DST_PORT);
}

int main(int argc, char **argv)
{
	uint32_t pod;
	int host, container;
	if (argc < 2 || inet_pton(AF_INET, argv[1], &pod) != 1)
		return 2;
	int fd = ct_socket();
	for (int i = 2; i < argc; i++) {
		if (sscanf(argv[i], "%d:%d", &host, &container) != 2)
			continue;
		flush_target(fd, pod, host, container);
		flush_begun(fd, pod, host);
	}
	return 0;
}
