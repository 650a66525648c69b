// Runs the contenders of one case in turn and says for every run what it cost
// from exec to exit: one JSON line each. Small and static, because the peak
// RSS that the kernel reports for a child begins with its parent's.
//   run [-n NETNS] [-t MS] [-l LEAST] [-m MOST] [-e | -p] [-s] < spec
//   run [-n NETNS] -b < spec
// A contender stops after MOST runs, or after MS of its own once it has had
// LEAST; the order is drawn anew in every round. -e: all run equally often, for
// start-up, where who runs alone finds warm caches. -p: a round is a pair, the
// first contender and one of the others, so that the two can be compared
// whatever the machine does a minute later. -s: with the stall probe. -b: a burst,
// all of them at once and once.
// The spec has one directive on a line, fields separated by tabs:
//   contender NAME | env K=V | stdin FILE | least N | exec ARGV | before ARGV (untimed)
#define _GNU_SOURCE
#include "stall.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONTENDERS 128 // a burst has a hundred
#define MAX_BEFORE 4
#define MAX_FIELDS 1100 // reconcile has a thousand ports

struct contender {
	char *name, *input, *file, *env[32], *argv[MAX_FIELDS], *before[MAX_BEFORE][MAX_FIELDS];
	size_t input_len;
	int envs, befores, runs, least;
	double spent_ms;
	// while it runs
	pid_t pid;
	struct timespec began;
};

static struct contender contenders[MAX_CONTENDERS];
static int count, least = 1, most = 1000000, stall, equal, paired, rounds;
static double share_ms = 1e9;
static int null_fd;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void read_file(struct contender *c, char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = malloc(65536);
	ssize_t n = fd < 0 || !data ? -1 : read(fd, data, 65536);
	if (n < 0)
		fail(path);
	close(fd);
	if (n == 65536) { // it does not fit into a pipe, so the program reads the file
		c->file = path;
		free(data);
	} else {
		c->input = data;
		c->input_len = n;
	}
}

static void split(char *fields, char **to)
{
	int n = 0;
	for (char *f; (f = strsep(&fields, "\t")) != NULL;) {
		if (n == MAX_FIELDS - 1) {
			fprintf(stderr, "too many words: %s\n", to[0]);
			exit(2);
		}
		to[n++] = f;
	}
	to[n] = NULL;
}

static void read_spec(void)
{
	char *line = NULL;
	size_t size = 0;
	for (ssize_t n; (n = getline(&line, &size, stdin)) > 0;) {
		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		char *rest = strdup(line), *word = strsep(&rest, "\t");
		struct contender *c = &contenders[count - (count > 0)];
		if (!strcmp(word, "contender") && count < MAX_CONTENDERS) {
			c = &contenders[count++];
			c->name = rest;
			c->least = least;
		} else if (!strcmp(word, "env") && c->envs < 31) {
			c->env[c->envs++] = rest;
		} else if (!strcmp(word, "stdin")) {
			read_file(c, rest);
		} else if (!strcmp(word, "least")) {
			c->least = atoi(rest);
		} else if (!strcmp(word, "exec")) {
			split(rest, c->argv);
		} else if (!strcmp(word, "before") && c->befores < MAX_BEFORE) {
			split(rest, c->before[c->befores++]);
		} else if (*word) {
			fprintf(stderr, "bad line in the spec: %s\n", word);
			exit(2);
		}
	}
	free(line);
}

static double ms_between(const struct timespec *a, const struct timespec *b)
{
	return (b->tv_sec - a->tv_sec) * 1e3 + (b->tv_nsec - a->tv_nsec) / 1e6;
}

// The request comes through a pipe, as from a container runtime.
static void start(struct contender *c, char **argv)
{
	int in[2];
	if (pipe2(in, O_CLOEXEC) < 0)
		fail("pipe");
	if (c->input && write(in[1], c->input, c->input_len) < 0)
		fail("write");
	close(in[1]);
	if (c->file) {
		close(in[0]);
		in[0] = open(c->file, O_RDONLY | O_CLOEXEC);
		if (in[0] < 0)
			fail(c->file);
	}
	c->pid = vfork();
	if (c->pid == 0) {
		dup2(in[0], 0);
		dup2(null_fd, 1);
		dup2(null_fd, 2);
		prctl(PR_SET_PDEATHSIG, SIGKILL); // and outlives nobody who ends us
		alarm(900);                       // ends what hangs
		clock_gettime(CLOCK_MONOTONIC, &c->began); // memory is shared until exec
		execve(argv[0], argv, c->env);
		_exit(127);
	}
	if (c->pid < 0)
		fail("vfork");
	close(in[0]);
}

static int code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int spawn(struct contender *c, char **argv, struct rusage *used)
{
	int status;
	start(c, argv);
	if (wait4(c->pid, &status, 0, used) < 0)
		fail("wait4");
	return code_of(status);
}

static void tell(const struct contender *c, int code, const struct timespec *ended, const struct rusage *used)
{
	double wall = ms_between(&c->began, ended);
	printf("{\"name\":\"%s\",\"round\":%d,\"wall\":%.3f,\"user\":%.3f,\"sys\":%.3f,\"rss\":%ld,\"exit\":%d,\"stall\":%.3f}\n",
	       c->name, rounds, wall, used->ru_utime.tv_sec * 1e3 + used->ru_utime.tv_usec / 1e3,
	       used->ru_stime.tv_sec * 1e3 + used->ru_stime.tv_usec / 1e3, used->ru_maxrss, code,
	       stall ? stall_max_us() / 1e3 : 0);
}

static void run_once(struct contender *c)
{
	struct timespec turn, ended;
	struct rusage used;
	clock_gettime(CLOCK_MONOTONIC, &turn);
	for (int i = 0; i < c->befores; i++)
		if (spawn(c, c->before[i], &used) > 1)
			fprintf(stderr, "%s: %s failed\n", c->name, c->before[i][0]);
	if (stall)
		stall_reset();
	int code = spawn(c, c->argv, &used);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	tell(c, code, &ended, &used);
	c->spent_ms += ms_between(&turn, &ended);
	c->runs++;
}

static void run_burst(void)
{
	struct timespec ended;
	struct rusage used;
	int status;
	for (int i = 0; i < count; i++)
		start(&contenders[i], contenders[i].argv);
	for (pid_t pid; (pid = wait4(-1, &status, 0, &used)) > 0;) {
		clock_gettime(CLOCK_MONOTONIC, &ended);
		for (int i = 0; i < count; i++)
			if (contenders[i].pid == pid)
				tell(&contenders[i], code_of(status), &ended, &used);
	}
}

static int drawn(int below)
{
	static uint32_t random = 2463534242u;
	random ^= random << 13;
	random ^= random >> 17;
	random ^= random << 5;
	return random % below;
}

static void shuffle(int *order)
{
	for (int i = count - 1; i > 0; i--) {
		int j = drawn(i + 1), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

// The time of both counts for the other.
static void run_pair(struct contender *first, struct contender *other)
{
	double before = first->spent_ms;
	int turned = drawn(2);
	rounds++;
	run_once(turned ? other : first);
	run_once(turned ? first : other);
	other->spent_ms += first->spent_ms - before;
}

static void enter(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "/run/netns/%s", name);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		fail(path);
	close(ns);
}

int main(int argc, char **argv)
{
	int order[MAX_CONTENDERS], busy = 1, burst = 0;
	for (int o; (o = getopt(argc, argv, "n:t:l:m:epsb")) != -1;) {
		switch (o) {
		case 'n':
			enter(optarg);
			break;
		case 't':
			share_ms = atof(optarg);
			break;
		case 'l':
			least = atoi(optarg);
			break;
		case 'm':
			most = atoi(optarg);
			break;
		case 'e':
			equal = 1;
			break;
		case 'p':
			paired = 1;
			break;
		case 's':
			stall = 1;
			break;
		case 'b':
			burst = 1;
			break;
		default:
			return 2;
		}
	}
	read_spec();
	if ((null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
		fail("/dev/null");
	if (burst) {
		run_burst();
		return 0;
	}
	if (stall)
		stall_start();
	for (int i = 0; i < count; i++)
		order[i] = i;
	paired = paired && count > 1;
	while (busy) {
		double total = 0;
		for (int i = 0; i < count; i++)
			total += contenders[i].spent_ms;
		busy = 0;
		rounds++;
		shuffle(order);
		for (int i = 0; i < count; i++) {
			struct contender *c = &contenders[order[i]];
			double spent = equal ? total / count : c->spent_ms;
			if (c->runs >= most || (c->runs >= c->least && spent >= share_ms))
				continue;
			if (paired && c == contenders)
				continue;
			if (paired)
				run_pair(contenders, c);
			else
				run_once(c);
			busy = 1;
		}
		fflush(stdout);
	}
	return 0;
}
