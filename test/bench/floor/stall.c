// A wake-up latency probe: on every CPU a pinned SCHED_FIFO thread sleeps for
// 100 µs again and again and notes how late it was. Whatever keeps it from
// running for long (bottom halves off, a loop in the kernel without a point to
// reschedule) keeps packets waiting on that CPU, too.
#define _GNU_SOURCE
#include "stall.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS 100000

static atomic_long worst_ns;

static long since(const struct timespec *t)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000000000L + now.tv_nsec - t->tv_nsec;
}

static void *probe(void *unused)
{
	struct timespec due;
	(void)unused;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &due);
		due.tv_nsec += PERIOD_NS;
		if (due.tv_nsec >= 1000000000L) {
			due.tv_sec++;
			due.tv_nsec -= 1000000000L;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		long late = since(&due), known = atomic_load(&worst_ns);
		while (late > known && !atomic_compare_exchange_weak(&worst_ns, &known, late))
			;
	}
	return NULL;
}

void stall_start(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	for (long cpu = 0; cpu < cpus; cpu++) {
		pthread_t thread;
		pthread_attr_t attr;
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 65536);
		pthread_attr_setaffinity_np(&attr, sizeof set, &set);
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &(struct sched_param){.sched_priority = 50});
		if (pthread_create(&thread, &attr, probe, NULL) != 0) {
			fprintf(stderr, "cannot start a real-time thread\n");
			exit(1);
		}
	}
}

void stall_reset(void)
{
	atomic_store(&worst_ns, 0);
}

long stall_max_us(void)
{
	return atomic_load(&worst_ns) / 1000;
}
