// Entries as lines and back.
#include "entry.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"icmp", IPPROTO_ICMP}, {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP},
	{"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}, {"udplite", IPPROTO_UDPLITE},
};

static const struct {
	const char *name;
	uint32_t bit;
} words[] = {
	{"snat", SRC_NAT}, {"dnat", DST_NAT}, {"seen", SEEN_REPLY},
	{"assured", ASSURED}, {"fixed", FIXED_TIMEOUT},
	{"offload", OFFLOAD},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void bad(const char *line)
{
	fprintf(stderr, "not an entry: %s\n", line);
	exit(2);
}

static uint16_t read_endpoint(char *text, uint8_t family, uint8_t *address, const char *line)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		bad(line);
	*colon = 0;
	if (family == AF_INET6)
		colon[-1] = 0; // the bracket
	if (inet_pton(family, text + (family == AF_INET6), address) != 1)
		bad(line);
	return atoi(colon + 1);
}

struct entry entry_of(const char *line)
{
	struct entry e = {.status = CONFIRMED};
	char proto[16], end[4][64];
	int at = 0;
	if (sscanf(line, "%15s %63s > %63s | %63s > %63s%n", proto, end[0], end[1], end[2], end[3], &at) != 5)
		bad(line);
	e.family = end[0][0] == '[' ? AF_INET6 : AF_INET;
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (!strcmp(proto, protocols[i].name))
			e.proto = protocols[i].number;
	if (!e.proto)
		bad(line);
	e.orig.sport = read_endpoint(end[0], e.family, e.orig.src, line);
	e.orig.dport = read_endpoint(end[1], e.family, e.orig.dst, line);
	e.reply.sport = read_endpoint(end[2], e.family, e.reply.src, line);
	e.reply.dport = read_endpoint(end[3], e.family, e.reply.dst, line);

	char rest[LINE], *save = NULL;
	snprintf(rest, sizeof rest, "%s", line + at);
	for (char *word = strtok_r(rest, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		uint32_t bit = 0;
		for (size_t i = 0; i < COUNT(words); i++)
			if (!strcmp(word, words[i].name))
				bit = words[i].bit;
		if (!bit && sscanf(word, "zone=%hu", &e.zone) != 1 &&
		    sscanf(word, "zone-orig=%hu", &e.orig.zone) != 1 &&
		    sscanf(word, "zone-reply=%hu", &e.reply.zone) != 1)
			bad(line);
		e.status |= bit;
	}
	return e;
}

static char *write_endpoint(char *to, const struct entry *e, const uint8_t *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(e->family, address, text, sizeof text);
	return to + sprintf(to, e->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

static char *write_tuple(char *to, const struct entry *e, const struct tuple *t)
{
	to = write_endpoint(to, e, t->src, t->sport);
	to += sprintf(to, " > ");
	return write_endpoint(to, e, t->dst, t->dport);
}

void text_of(const struct entry *e, char text[LINE])
{
	const char *proto = NULL;
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (protocols[i].number == e->proto)
			proto = protocols[i].name;
	char *to = text + (proto ? sprintf(text, "%s ", proto) : sprintf(text, "proto-%u ", e->proto));
	to = write_tuple(to, e, &e->orig);
	to += sprintf(to, " | ");
	to = write_tuple(to, e, &e->reply);
	for (size_t i = 0; i < COUNT(words); i++)
		if (e->status & words[i].bit)
			to += sprintf(to, " %s", words[i].name);
	if (e->zone)
		to += sprintf(to, " zone=%u", e->zone);
	if (e->orig.zone)
		to += sprintf(to, " zone-orig=%u", e->orig.zone);
	if (e->reply.zone)
		to += sprintf(to, " zone-reply=%u", e->reply.zone);
}
