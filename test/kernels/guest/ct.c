// The conntrack table of a booted kernel, by another pair of eyes than our own
// code's.
//   ct fill < LINES      makes these entries (entry.h says what a line is)
//   ct list              prints all, sorted
//   ct empty             deletes all
//   ct send HEX [LINE]   sends exactly these bytes, one message; prints the
//                        entries that come back, sorted, and the kernel's
//                        answer. With LINE the CTA_ID in the message becomes
//                        that entry's.
// It would empty the table of whatever machine it runs on, so it runs only where
// the file /guest says that this is none that anybody needs.
#include "entry.h"
#include <sys/time.h>

static char buf[RECV_SIZE];
static int fd;

static const char *errno_name(int e)
{
	const char *name = strerrorname_np(e);
	return name ? name : "unknown";
}

/** Sends what `w` holds and waits for the answer to it: 0 or an errno. */
static int ask(struct writer *w, char *from, void (*visit)(struct nlmsghdr *))
{
	if (send(fd, from, w->at - from, 0) < 0)
		die("send");
	for (;;) {
		int n = ct_recv(fd, buf);
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			visit(h);
			// it says NLM_F_MULTI, but nothing follows
			if (h->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS))
				return 0;
		}
	}
}

static void nothing(struct nlmsghdr *h)
{
	(void)h;
}

static char **lines;
static size_t count;
static const char *wanted;
static uint8_t wanted_id[4];
static int found;

static void keep(struct nlmsghdr *h)
{
	char text[LINE];
	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)) {
		snprintf(text, sizeof text, "message of type %04x", h->nlmsg_type);
	} else {
		struct entry e = read_entry(h);
		text_of(&e, text);
		if (wanted && !strcmp(text, wanted)) {
			memcpy(wanted_id, e.id, sizeof wanted_id);
			found++;
		}
	}
	lines = realloc(lines, (count + 1) * sizeof *lines);
	lines[count++] = strdup(text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char **)a, *(char **)b);
}

static void print_lines(void)
{
	qsort(lines, count, sizeof *lines, by_text);
	for (size_t i = 0; i < count; i++)
		puts(lines[i]);
}

static void fill(void)
{
	char line[LINE], out[4096];
	for (uint32_t seq = 1; fgets(line, sizeof line, stdin); seq++) {
		struct entry e = entry_of(line);
		struct writer w = {out, out + sizeof out};
		write_new(&w, seq, &e);
		((struct nlmsghdr *)out)->nlmsg_flags |= NLM_F_ACK;
		int error = ask(&w, out, nothing);
		if (error) {
			fprintf(stderr, "%s: %s", errno_name(error), line);
			exit(1);
		}
	}
}

static void dump(void)
{
	char out[64];
	struct writer w = {out, out + sizeof out};
	message_end(&w, message(&w, IPCTNL_MSG_CT_GET, NLM_F_DUMP, 1, AF_UNSPEC));
	errno = ask(&w, out, keep);
	if (errno)
		die("dump");
}

static void empty(void)
{
	char out[64];
	struct writer w = {out, out + sizeof out};
	message_end(&w, message(&w, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, 1, AF_UNSPEC));
	errno = ask(&w, out, nothing);
	if (errno)
		die("empty");
}

/** Finds the entry's id and puts it into the message. */
static void set_id(char *message, size_t length, const char *line)
{
	wanted = line;
	dump();
	if (found != 1) {
		fprintf(stderr, "%d entries are: %s\n", found, line);
		exit(1);
	}
	wanted = NULL;
	count = 0;
	char *at = message + NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	for (struct nlattr *a; at < message + length; at += NLA_ALIGN(a->nla_len)) {
		a = (void *)at;
		if ((a->nla_type & NLA_TYPE_MASK) == CTA_ID)
			memcpy(a + 1, wanted_id, sizeof wanted_id);
	}
}

static void send_hex(const char *hex, const char *line)
{
	char out[4096];
	struct writer w = {out, out + sizeof out};
	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1 && w.at < w.end; hex += 2)
		*w.at++ = byte;
	if (line)
		set_id(out, w.at - out, line);
	int error = ask(&w, out, keep);
	print_lines();
	puts(error ? errno_name(error) : "ok");
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (access("/guest", F_OK) < 0)
		die("not a booted guest: /guest");
	struct timeval patience = {.tv_sec = 20};
	fd = ct_socket();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (!strcmp(verb, "fill"))
		fill();
	else if (!strcmp(verb, "empty"))
		empty();
	else if (!strcmp(verb, "send") && argc > 2)
		send_hex(argv[2], argv[3]);
	else if (!strcmp(verb, "list")) {
		dump();
		print_lines();
	} else
		return 2;
	return 0;
}
