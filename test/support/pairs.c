// Makes packets of new flows meet: two threads, each on a CPU of its own, send at the same
// moment, again and again. Also the server that answers them, at once or late.
//   pairs serve ADDRESS PORT DELAY_MS
//   pairs send SERVER PORT FROM_PORT PAIRS WAIT_MS NETNS         both from one socket, as A and AAAA
//   pairs send SERVER PORT FROM_PORT PAIRS WAIT_MS NETNS NETNS   from two pods, by the same source port
// A pair has a source port of its own, the first of them FROM_PORT. It prints
// "pairs=N sent=N answered=N" when no answer has come for WAIT_MS.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/** More than are ever sent in the time of a delay. */
#define PENDING 65536
/** After so many pairs there is a pause, so that the server has its turn on two CPUs. */
#define AT_ONCE 20
#define PAUSE_NS 2000000
/** The threads' turns before each pair. */
#define TURNS 32

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in address(const char *host, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die(host);
	return a;
}

/** Returns a socket with room for all that is sent, so that the table alone can lose anything. */
static int bound(struct sockaddr_in at)
{
	int room = 32 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)&at, sizeof at) < 0)
		die("bind");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	return fd;
}

static struct {
	long due;
	struct sockaddr_in to;
	char what;
} pending[PENDING];

static void serve(int fd, int delay_ms)
{
	unsigned first = 0, next = 0;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long wait = first == next ? -1 : pending[first % PENDING].due - now_ms();
		poll(&p, 1, first != next && wait < 0 ? 0 : wait);
		for (;;) {
			unsigned at = next % PENDING;
			socklen_t size = sizeof pending[at].to;
			if (recvfrom(fd, &pending[at].what, 1, MSG_DONTWAIT, (void *)&pending[at].to, &size) < 0)
				break;
			pending[at].due = now_ms() + delay_ms;
			next++;
		}
		for (; first != next && pending[first % PENDING].due <= now_ms(); first++)
			sendto(fd, &pending[first % PENDING].what, 1, 0, (void *)&pending[first % PENDING].to,
			       sizeof pending[first % PENDING].to);
	}
}

static struct sockaddr_in server;
static int from_port, pairs;
/** The two namespaces, or the same one twice: then the second thread uses the first one's sockets. */
static const char *netns[2];
static int *sockets[2];
static atomic_int turn, sent;

/**
 * Leaves at the same moment as the other thread. They take turns until each has seen the
 * other often and at once, so both run now, also where their CPUs are emulated and wait for
 * CPUs themselves.
 */
static void meet(int me)
{
	int end = (atomic_load(&turn) / TURNS + 1) * TURNS;
	for (int mine = end - TURNS + me; mine < end; mine += 2) {
		while (atomic_load(&turn) < mine)
			;
		atomic_store(&turn, mine + 1);
	}
	while (atomic_load(&turn) < end)
		;
}

static void enter(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

/** A pair's sockets stay open until the last answer has come. */
static void may_open(rlim_t files)
{
	struct rlimit now;
	getrlimit(RLIMIT_NOFILE, &now);
	now.rlim_cur = files;
	if (now.rlim_max < files)
		now.rlim_max = files;
	if (setrlimit(RLIMIT_NOFILE, &now) < 0)
		die("setrlimit");
}

static void *sender(void *arg)
{
	int me = *(int *)arg;
	int owns = me == 0 || netns[1] != netns[0];
	cpu_set_t cpu;
	CPU_ZERO(&cpu);
	CPU_SET(me, &cpu);
	if (sched_setaffinity(0, sizeof cpu, &cpu) < 0)
		die("two CPUs are needed");
	enter(netns[me]);
	for (int i = 0; owns && i < pairs; i++) {
		sockets[me][i] = bound(address("0.0.0.0", from_port + i));
		// an answer that comes from another address than the server's is none
		if (connect(sockets[me][i], (void *)&server, sizeof server) < 0)
			die("connect");
	}
	meet(me);
	for (int i = 0; i < pairs; i++) {
		int fd = sockets[owns ? me : 0][i];
		char what = "01"[me];
		meet(me);
		if (send(fd, &what, 1, 0) == 1)
			atomic_fetch_add(&sent, 1);
		if (i % AT_ONCE == AT_ONCE - 1)
			nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	}
	return NULL;
}

/** Returns how many answers have come since the last call. */
static int answers(int fd)
{
	char what;
	int n = 0;
	while (recv(fd, &what, 1, MSG_DONTWAIT) == 1)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	if (argc > 4 && !strcmp(argv[1], "serve"))
		serve(bound(address(argv[2], atoi(argv[3]))), atoi(argv[4]));
	if (argc < 8 || strcmp(argv[1], "send"))
		return 2;
	server = address(argv[2], atoi(argv[3]));
	from_port = atoi(argv[4]);
	pairs = atoi(argv[5]);
	netns[0] = argv[7];
	netns[1] = argc > 8 ? argv[8] : argv[7];
	may_open(2 * pairs + 64);
	pthread_t threads[2];
	int numbers[2] = {0, 1};
	for (int i = 0; i < 2; i++) {
		sockets[i] = calloc(pairs, sizeof(int));
		pthread_create(&threads[i], NULL, sender, &numbers[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	// a machine that is slow still answers: it is over when nothing has come for the time of an answer
	int answered = 0, before = -1;
	while (answered != before) {
		before = answered;
		usleep(1000 * atoi(argv[6]));
		for (int of = 0; of < (netns[1] != netns[0] ? 2 : 1); of++)
			for (int i = 0; i < pairs; i++)
				answered += answers(sockets[of][i]);
	}
	printf("pairs=%d sent=%d answered=%d\n", pairs, atomic_load(&sent), answered);
	return 0;
}
