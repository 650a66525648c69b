// Makes the first packets of flows in the network namespace that it runs in. It holds
// the other ends of the interfaces: up0 and up1 (tun), and tap0 (tap), which the caller
// puts into a bridge. The kernel takes a packet to its end before the write returns.
//
// A line of input is one packet: INTERFACE PROTOCOL SOURCE SPORT DESTINATION DPORT.
// "local" as the interface sends it from this machine. "end" is answered with "end".

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/** The address that the caller gives to the bridge. */
static const uint8_t BRIDGE[6] = {2, 0, 0, 0, 0, 1};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int interface(const char *name, short flags)
{
	struct ifreq request = {.ifr_flags = flags | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0)
		fail("/dev/net/tun");
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		fail(name);
	return fd;
}

static uint16_t sum(const uint8_t *at, size_t length)
{
	uint32_t all = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		all += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (all >> 16)
		all = (all & 0xffff) + (all >> 16);
	return htons((uint16_t)~all);
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/** Writes what a new flow of the protocol begins with; checksums are not checked here. */
static size_t transport(uint8_t *at, int proto, unsigned sport, unsigned dport)
{
	put16(at, sport);
	put16(at + 2, dport);
	if (proto == IPPROTO_UDP) {
		put16(at + 4, 8);
		return 8;
	}
	if (proto == IPPROTO_TCP) {
		at[7] = 1;       // the sequence number
		at[12] = 5 << 4; // words of the header
		at[13] = 2;      // SYN
		put16(at + 14, 65535);
		return 20;
	}
	at[12] = 1; // INIT
	put16(at + 14, 20);
	at[19] = 1; // the initiate tag
	put16(at + 22, 65535);
	put16(at + 24, 1);
	put16(at + 26, 1);
	at[31] = 1;
	return 32;
}

int main(void)
{
	int up0 = interface("up0", IFF_TUN);
	int up1 = interface("up1", IFF_TUN);
	int tap = interface("tap0", IFF_TAP);
	int raw4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	int raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	if (raw4 < 0 || raw6 < 0)
		fail("socket");
	puts("end");
	fflush(stdout);

	char line[512];
	while (fgets(line, sizeof line, stdin)) {
		char via[16], src[64], dst[64];
		int proto;
		unsigned sport, dport;
		if (strcmp(line, "end\n") == 0) {
			puts("end");
			fflush(stdout);
			continue;
		}
		if (sscanf(line, "%15s %d %63s %u %63s %u", via, &proto, src, &sport,
			   dst, &dport) != 6) {
			fprintf(stderr, "no packet: %s", line);
			return 1;
		}
		uint8_t frame[256] = {0};
		uint8_t *ip = frame + 14;
		int is6 = strchr(dst, ':') != NULL;
		size_t header = is6 ? 40 : 20;
		size_t body = transport(ip + header, proto, sport, dport);
		size_t length = header + body;
		struct sockaddr_in to4 = {.sin_family = AF_INET};
		struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
		memcpy(frame, BRIDGE, 6);
		frame[6] = 2;
		frame[11] = 2;
		put16(frame + 12, is6 ? 0x86dd : 0x0800);
		if (is6) {
			ip[0] = 6 << 4;
			put16(ip + 4, (unsigned)body);
			ip[6] = (uint8_t)proto;
			ip[7] = 64;
			inet_pton(AF_INET6, src, ip + 8);
			inet_pton(AF_INET6, dst, ip + 24);
			memcpy(&to6.sin6_addr, ip + 24, 16);
		} else {
			ip[0] = 0x45;
			put16(ip + 2, (unsigned)length);
			ip[8] = 64;
			ip[9] = (uint8_t)proto;
			inet_pton(AF_INET, src, ip + 12);
			inet_pton(AF_INET, dst, ip + 16);
			memcpy(&to4.sin_addr, ip + 16, 4);
			uint16_t check = sum(ip, 20);
			memcpy(ip + 10, &check, 2);
		}
		ssize_t sent;
		if (strcmp(via, "up0") == 0)
			sent = write(up0, ip, length);
		else if (strcmp(via, "up1") == 0)
			sent = write(up1, ip, length);
		else if (strcmp(via, "br0") == 0)
			sent = write(tap, frame, length + 14);
		else if (is6)
			sent = sendto(raw6, ip, length, 0, (struct sockaddr *)&to6,
				      sizeof to6);
		else
			sent = sendto(raw4, ip, length, 0, (struct sockaddr *)&to4,
				      sizeof to4);
		// EPERM: a rule dropped what this machine wanted to send
		if (sent < 0 && errno != EPERM)
			fprintf(stderr, "%s: %s", strerror(errno), line);
	}
	return 0;
}
