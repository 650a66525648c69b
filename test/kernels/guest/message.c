// Entries as ctnetlink messages and back.
#include "entry.h"

static int is_icmp(const struct entry *e)
{
	return e->proto == IPPROTO_ICMP || e->proto == IPPROTO_ICMPV6;
}

static void write_tuple(struct writer *w, int type, const struct entry *e, const struct tuple *t)
{
	int v6 = e->family == AF_INET6, size = v6 ? 16 : 4;
	struct nlattr *tuple = nest(w, type), *ip = nest(w, CTA_TUPLE_IP);
	attr(w, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, t->src, size);
	attr(w, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, t->dst, size);
	nest_end(w, ip);
	struct nlattr *proto = nest(w, CTA_TUPLE_PROTO);
	attr_u8(w, CTA_PROTO_NUM, e->proto);
	if (is_icmp(e)) {
		attr_be16(w, v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, t->sport);
		attr_u8(w, v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, t->dport);
		attr_u8(w, v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 0);
	} else {
		attr_be16(w, CTA_PROTO_SRC_PORT, t->sport);
		attr_be16(w, CTA_PROTO_DST_PORT, t->dport);
	}
	nest_end(w, proto);
	if (t->zone)
		attr_be16(w, CTA_TUPLE_ZONE, t->zone);
	nest_end(w, tuple);
}

static void write_nat(struct writer *w, int type, const struct entry *e, const uint8_t *ip, uint16_t port)
{
	int v6 = e->family == AF_INET6, size = v6 ? 16 : 4;
	struct nlattr *nat = nest(w, type);
	attr(w, v6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, ip, size);
	attr(w, v6 ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, ip, size);
	struct nlattr *proto = nest(w, CTA_NAT_PROTO);
	attr_be16(w, CTA_PROTONAT_PORT_MIN, port);
	attr_be16(w, CTA_PROTONAT_PORT_MAX, port);
	nest_end(w, proto);
	nest_end(w, nat);
}

void write_new(struct writer *w, uint32_t seq, const struct entry *e)
{
	struct nlmsghdr *h = message(w, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, seq, e->family);
	struct tuple reply = e->reply;
	// An entry comes untranslated if the kernel is to translate it.
	if (e->status & DST_NAT) {
		memcpy(reply.src, e->orig.dst, sizeof reply.src);
		reply.sport = e->orig.dport;
	}
	if (e->status & SRC_NAT) {
		memcpy(reply.dst, e->orig.src, sizeof reply.dst);
		reply.dport = e->orig.sport;
	}
	write_tuple(w, CTA_TUPLE_ORIG, e, &e->orig);
	write_tuple(w, CTA_TUPLE_REPLY, e, &reply);
	if (e->status & DST_NAT)
		write_nat(w, CTA_NAT_DST, e, e->reply.src, e->reply.sport);
	if (e->status & SRC_NAT)
		write_nat(w, CTA_NAT_SRC, e, e->reply.dst, e->reply.dport);
	attr_be32(w, CTA_STATUS, e->status & ~(SRC_NAT | DST_NAT));
	attr_be32(w, CTA_TIMEOUT, 86400);
	if (e->zone)
		attr_be16(w, CTA_ZONE, e->zone);
	if (e->proto == IPPROTO_TCP) {
		struct nlattr *info = nest(w, CTA_PROTOINFO), *tcp = nest(w, CTA_PROTOINFO_TCP);
		attr_u8(w, CTA_PROTOINFO_TCP_STATE, 3); // ESTABLISHED
		nest_end(w, tcp);
		nest_end(w, info);
	}
	message_end(w, h);
}

static struct nlattr *end_of(struct nlattr *a)
{
	return (void *)((char *)a + a->nla_len);
}

#define EACH(a, from, to) \
	for (struct nlattr *a = (void *)(from); a < (struct nlattr *)(to); a = (void *)((char *)a + NLA_ALIGN(a->nla_len)))

static uint16_t be16_at(struct nlattr *a)
{
	uint16_t v;
	memcpy(&v, a + 1, sizeof v);
	return ntohs(v);
}

static void read_tuple(struct entry *e, struct tuple *t, struct nlattr *tuple)
{
	EACH(part, tuple + 1, end_of(tuple)) {
		int kind = part->nla_type & NLA_TYPE_MASK;
		if (kind == CTA_TUPLE_ZONE)
			t->zone = be16_at(part);
		if (kind == CTA_TUPLE_IP)
			EACH(a, part + 1, end_of(part)) {
				int type = a->nla_type & NLA_TYPE_MASK;
				int src = type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC;
				memcpy(src ? t->src : t->dst, a + 1, a->nla_len - NLA_HDRLEN);
			}
		if (kind == CTA_TUPLE_PROTO)
			EACH(a, part + 1, end_of(part)) switch (a->nla_type & NLA_TYPE_MASK) {
			case CTA_PROTO_NUM:
				e->proto = *(uint8_t *)(a + 1);
				break;
			case CTA_PROTO_SRC_PORT:
			case CTA_PROTO_ICMP_ID:
			case CTA_PROTO_ICMPV6_ID:
				t->sport = be16_at(a);
				break;
			case CTA_PROTO_DST_PORT:
				t->dport = be16_at(a);
				break;
			case CTA_PROTO_ICMP_TYPE:
			case CTA_PROTO_ICMPV6_TYPE:
				t->dport = *(uint8_t *)(a + 1);
				break;
			}
	}
}

struct entry read_entry(struct nlmsghdr *h)
{
	struct nfgenmsg *g = NLMSG_DATA(h);
	struct entry e = {.family = g->nfgen_family};
	EACH(a, g + 1, (char *)h + h->nlmsg_len) switch (a->nla_type & NLA_TYPE_MASK) {
	case CTA_TUPLE_ORIG:
		read_tuple(&e, &e.orig, a);
		break;
	case CTA_TUPLE_REPLY:
		read_tuple(&e, &e.reply, a);
		break;
	case CTA_STATUS:
		memcpy(&e.status, a + 1, sizeof e.status);
		e.status = ntohl(e.status);
		break;
	case CTA_ZONE:
		e.zone = be16_at(a);
		break;
	case CTA_ID:
		memcpy(e.id, a + 1, sizeof e.id);
		break;
	}
	return e;
}
