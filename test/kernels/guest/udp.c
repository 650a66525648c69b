// A pod that tells its name, and a client that asks for it.
//   udp serve ADDRESS PORT NAME       answers every datagram with NAME, for ever
//   udp ask FROM PORT TO PORT         one datagram; prints the answer or "nothing"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static struct sockaddr_in6 v6;
static struct sockaddr_in v4;

/** Points at one of the two above. */
static struct sockaddr *address(const char *host, const char *port, socklen_t *size)
{
	v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))};
	v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	int is_v6 = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
	*size = is_v6 ? sizeof v6 : sizeof v4;
	if (!is_v6 && inet_pton(AF_INET, host, &v4.sin_addr) != 1)
		exit(2);
	return is_v6 ? (void *)&v6 : (void *)&v4;
}

static int bound(const char *host, const char *port)
{
	socklen_t size;
	struct sockaddr *a = address(host, port, &size);
	int fd = socket(a->sa_family, SOCK_DGRAM, 0);
	return fd >= 0 && bind(fd, a, size) == 0 ? fd : -1;
}

static void serve(int fd, const char *name)
{
	char buf[64];
	struct sockaddr_storage from;
	for (;;) {
		socklen_t size = sizeof from;
		if (recvfrom(fd, buf, sizeof buf, 0, (void *)&from, &size) >= 0)
			sendto(fd, name, strlen(name), 0, (void *)&from, size);
	}
}

static int ask(int fd, const char *host, const char *port)
{
	char buf[64];
	struct timeval patience = {.tv_sec = 2};
	socklen_t size;
	struct sockaddr *to = address(host, port, &size);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (sendto(fd, "?", 1, 0, to, size) < 0)
		return 1;
	int n = recv(fd, buf, sizeof buf, 0);
	printf("%.*s\n", n < 0 ? 7 : n, n < 0 ? "nothing" : buf);
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 4 ? bound(argv[2], argv[3]) : -1;
	if (fd < 0) {
		perror("udp");
		return 2;
	}
	if (!strcmp(argv[1], "serve"))
		serve(fd, argv[4]);
	return argc > 5 ? ask(fd, argv[4], argv[5]) : 2;
}
