/* RTP load for a relay: N calls of two ends each, one G.711 packet per end and 20 ms.
 *
 * Standard input: N lines "portA portB", the relay's ports of the two legs of a call, after "ready" lines were read
 * from standard output: first this program prints its own ports, N lines "portA portB". Each payload carries a magic
 * number and the time of sending, so the receiving end knows the latency. Result: one line
 * "sent received p50_us p99_us max_us late_us"; the last says how much later than due the packets left (p99).
 *
 * With an ADDRESS call N's first end has that address plus N, its second end that plus CALLS plus N, as `sipload` counts
 * its phones; without one all have 127.0.0.1. Times of more than a second count as one, and memory does not grow.
 *
 * Build: cc -O2 -o rtpload rtpload.c      Run: rtpload CALLS SECONDS [ADDRESS] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 172, INTERVAL_US = 20000, MAGIC = 0x676f7369, LONGEST_US = 1000000 };

/* How often each time in microseconds came. */
struct times {
    long count, of[LONGEST_US + 1];
};

static struct times latency, late;

struct end {
    int fd;
    struct sockaddr_in relay;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    int64_t next;
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int bound_socket(in_addr_t address, int *port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = address};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (void *)&a, sizeof a) || getsockname(fd, (void *)&a, &size)) die("socket");
    *port = ntohs(a.sin_port);
    return fd;
}

static void send_one(struct end *e) {
    uint8_t p[PACKET] = {0x80, 0x00};
    uint16_t s = htons(e->sequence++);
    uint32_t t = htonl(e->timestamp), ssrc = htonl(e->ssrc), magic = MAGIC;
    int64_t at = now_us();
    e->timestamp += 160;
    memcpy(p + 2, &s, 2), memcpy(p + 4, &t, 4), memcpy(p + 8, &ssrc, 4);
    memcpy(p + 12, &magic, 4), memcpy(p + 16, &at, 8);
    sendto(e->fd, p, PACKET, 0, (void *)&e->relay, sizeof e->relay);
}

static void times_add(struct times *t, int64_t us) {
    t->of[us < 0 ? 0 : us > LONGEST_US ? LONGEST_US : us]++;
    t->count++;
}

/* The time that so many of them do not exceed. */
static int times_rank(const struct times *t, long rank) {
    int us = 0;
    for (long seen = t->of[0]; seen <= rank && us < LONGEST_US;) seen += t->of[++us];
    return us;
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 4) return fprintf(stderr, "usage: rtpload CALLS SECONDS [ADDRESS]\n"), 2;
    int calls = atoi(argv[1]), ends = 2 * calls;
    int64_t length = (int64_t)(atof(argv[2]) * 1e6);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct end *e = calloc(ends, sizeof *e);
    struct in_addr first = {htonl(INADDR_LOOPBACK)};
    if (!e) die("memory");
    if (argc == 4 && inet_pton(AF_INET, argv[3], &first) != 1) return fprintf(stderr, "no address: %s\n", argv[3]), 2;
    int poll_fd = epoll_create1(0);
    for (int i = 0; i < ends; i++) {
        int port;
        uint32_t phone = argc == 4 ? (i % 2 ? calls : 0) + i / 2 : 0;
        e[i].fd = bound_socket(htonl(ntohl(first.s_addr) + phone), &port);
        e[i].ssrc = 0x1000 + i, e[i].sequence = 1000, e[i].timestamp = 160000;
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, e[i].fd, &ev)) die("epoll");
        printf(i % 2 ? "%d\n" : "%d ", port);
    }
    fflush(stdout);
    for (int i = 0; i < ends; i++) {
        int port;
        if (scanf("%d", &port) != 1) return 1;
        e[i].relay = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        e[i].relay.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    int64_t start = now_us() + 10000, stop = start + length, end = stop + 500000;
    for (int i = 0; i < ends; i++) e[i].next = start + (int64_t)i * INTERVAL_US / ends;
    int turn = 0;
    struct epoll_event events[256];
    for (int64_t now; (now = now_us()) < end;) {
        /* The ends are in order of their next packet: each turn begins at the one that is due first. */
        while (now < stop && e[turn].next <= now) {
            int64_t at = now_us();
            send_one(&e[turn]);
            times_add(&late, at - e[turn].next);
            e[turn].next += INTERVAL_US;
            turn = (turn + 1) % ends;
        }
        int64_t wait = now < stop ? e[turn].next - now : 10000;
        struct timespec ts = {0, (wait > 0 ? wait : 0) * 1000};
        int n = epoll_pwait2(poll_fd, events, 256, &ts, NULL);
        for (int k = 0; k < n; k++) {
            uint8_t p[2048];
            ssize_t got;
            while ((got = recv(e[events[k].data.u32].fd, p, sizeof p, 0)) >= 0) {
                uint32_t magic;
                int64_t at;
                memcpy(&magic, p + 12, 4), memcpy(&at, p + 16, 8);
                if (got == PACKET && magic == MAGIC) times_add(&latency, now_us() - at);
            }
        }
    }
    printf("%ld %ld", late.count, latency.count);
    if (latency.count)
        printf(" %d %d %d %d", times_rank(&latency, latency.count / 2), times_rank(&latency, latency.count * 99 / 100),
               times_rank(&latency, latency.count - 1), times_rank(&late, late.count * 99 / 100));
    printf("\n");
    return 0;
}
