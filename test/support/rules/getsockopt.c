// One getsockopt on a raw socket: DOMAIN LEVEL NAME LENGTH, the value from standard input
// and back to standard output. An error ends it with the errno.

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 5)
		return EINVAL;
	socklen_t length = (socklen_t)atoi(argv[4]);
	char *value = calloc(length + 1, 1);
	for (size_t at = 0; at < length;) {
		ssize_t got = read(0, value + at, length - at);
		if (got <= 0)
			return EIO;
		at += (size_t)got;
	}
	int fd = socket(atoi(argv[1]), SOCK_RAW, IPPROTO_RAW);
	if (fd < 0 ||
	    getsockopt(fd, atoi(argv[2]), atoi(argv[3]), value, &length) < 0)
		return errno;
	for (size_t at = 0; at < length;) {
		ssize_t put = write(1, value + at, length - at);
		if (put <= 0)
			return EIO;
		at += (size_t)put;
	}
	return 0;
}
