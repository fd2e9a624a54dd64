#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

enum { BATCH = 32, SOCKET_BYTES = 8 << 20, STREAM_BYTES = 1 << 18, STDIN_TAG = -1, UDP_TAG = -2 };
enum { FIRST_PHONE = 0x7f010001 }; /* 127.1.0.1 */

struct connection {
    int fd;
    struct path path;
    size_t in_length, out_length;
    char in[STREAM_BYTES], out[STREAM_BYTES];
};

/* One datagram to be sent or just received, with room for the address of ours in its control data. */
struct datagram {
    char data[MAX_MESSAGE];
    struct iovec part;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control;
};

static struct sockaddr_in server;
static int poll_fd, udp_fd = -1;
static in_port_t udp_port;
static struct connection *connections;
static int connection_count;
static struct datagram outgoing[BATCH], incoming[BATCH];
static struct mmsghdr outgoing_head[BATCH], incoming_head[BATCH];
static int outgoing_count;
static int words; /* lines of standard input that nobody has taken yet */
static bool input_ended;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int fd, int tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)tag};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return;
    /* EPERM: standard input is a file or /dev/null; nobody will tell us anything. */
    if (errno != EPERM) die("sipload: epoll");
    input_ended = true;
}

static in_port_t bound_port(int fd) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (void *)&address, &size)) die("sipload: getsockname");
    return ntohs(address.sin_port);
}

static void prepare(struct mmsghdr *head, struct datagram *datagram, struct sockaddr_in *name) {
    datagram->part = (struct iovec){datagram->data, sizeof datagram->data};
    head->msg_hdr = (struct msghdr){
        .msg_name = name,
        .msg_namelen = name ? sizeof *name : 0,
        .msg_iov = &datagram->part,
        .msg_iovlen = 1,
        .msg_control = datagram->control.bytes,
        .msg_controllen = sizeof datagram->control.bytes,
    };
}

static void prepare_batches(void) {
    for (int i = 0; i < BATCH; i++) {
        prepare(&outgoing_head[i], &outgoing[i], &server);
        prepare(&incoming_head[i], &incoming[i], NULL);
        struct cmsghdr *control = CMSG_FIRSTHDR(&outgoing_head[i].msg_hdr);
        control->cmsg_level = IPPROTO_IP, control->cmsg_type = IP_PKTINFO;
        control->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    }
}

static void open_udp(in_port_t own_port) {
    int one = 1, size = SOCKET_BYTES;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(own_port)};
    udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (udp_fd < 0 || setsockopt(udp_fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)) die("sipload: socket");
    if (bind(udp_fd, (void *)&any, sizeof any) || setsockopt(udp_fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one))
        die("sipload: bind");
    if (setsockopt(udp_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(udp_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    udp_port = bound_port(udp_fd);
    prepare_batches();
    watch(udp_fd, UDP_TAG);
}

static void open_connection(struct connection *c, int number) {
    int one = 1;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(FIRST_PHONE + (uint32_t)number)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || bind(c->fd, (void *)&own, sizeof own)) die("sipload: socket");
    if (connect(c->fd, (void *)&server, sizeof server)) die("sipload: connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->path = (struct path){own.sin_addr, bound_port(c->fd), number};
    watch(c->fd, number);
}

void network_open(const char *host, in_port_t port, in_port_t own_port, int count) {
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &server.sin_addr) != 1) {
        fprintf(stderr, "sipload: the server is an IPv4 address and a port\n");
        exit(2);
    }
    poll_fd = epoll_create1(0);
    watch(STDIN_FILENO, STDIN_TAG);
    connection_count = count;
    if (count == 0) {
        open_udp(own_port);
        return;
    }
    connections = calloc((size_t)count, sizeof *connections);
    if (!connections) die("sipload: memory");
    for (int i = 0; i < count; i++) open_connection(&connections[i], i);
}

bool network_is_reliable(void) {
    return connection_count > 0;
}

struct path network_path(int phone) {
    if (connection_count > 0) return connections[phone % connection_count].path;
    return (struct path){{htonl(FIRST_PHONE + (uint32_t)phone)}, udp_port, -1};
}

int network_phone(const struct path *path) {
    return (int)(ntohl(path->local.s_addr) - FIRST_PHONE);
}

static void flush_connection(struct connection *c) {
    size_t sent = 0;
    while (sent < c->out_length) {
        ssize_t n = send(c->fd, c->out + sent, c->out_length - sent, MSG_NOSIGNAL);
        if (n < 0) die("sipload: a connection broke");
        sent += (size_t)n;
    }
    c->out_length = 0;
}

void network_flush(void) {
    for (int i = 0; i < connection_count; i++)
        if (connections[i].out_length > 0) flush_connection(&connections[i]);
    for (int sent = 0; sent < outgoing_count;) {
        int n = sendmmsg(udp_fd, outgoing_head + sent, (unsigned)(outgoing_count - sent), 0);
        /* The server's port is closed for a moment, or our buffer is full: a lost datagram, as on any network. */
        if (n < 0 && errno != ECONNREFUSED && errno != EAGAIN) die("sipload: send");
        sent += n < 0 ? 1 : n;
    }
    outgoing_count = 0;
}

void network_send(const struct path *path, const char *data, size_t length) {
    if (path->connection >= 0) {
        struct connection *c = &connections[path->connection];
        if (c->out_length + length > sizeof c->out) flush_connection(c);
        memcpy(c->out + c->out_length, data, length);
        c->out_length += length;
        return;
    }
    if (outgoing_count == BATCH) network_flush();
    struct msghdr *head = &outgoing_head[outgoing_count].msg_hdr;
    struct in_pktinfo info = {.ipi_spec_dst = path->local};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(head)), &info, sizeof info);
    memcpy(outgoing[outgoing_count].data, data, length);
    outgoing[outgoing_count++].part.iov_len = length;
}

static struct in_addr own_address(struct msghdr *head) {
    struct in_pktinfo info = {0};
    struct cmsghdr *control = CMSG_FIRSTHDR(head);
    if (control && control->cmsg_type == IP_PKTINFO) memcpy(&info, CMSG_DATA(control), sizeof info);
    return info.ipi_addr;
}

static void receive_udp(message_handler handler) {
    int count;
    do {
        for (int i = 0; i < BATCH; i++) incoming_head[i].msg_hdr.msg_controllen = sizeof incoming[i].control.bytes;
        count = recvmmsg(udp_fd, incoming_head, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            struct path path = {own_address(&incoming_head[i].msg_hdr), udp_port, -1};
            handler(&path, incoming[i].data, incoming_head[i].msg_len);
        }
    } while (count == BATCH);
}

static void receive_stream(struct connection *c, message_handler handler) {
    ssize_t n = recv(c->fd, c->in + c->in_length, sizeof c->in - c->in_length, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        fprintf(stderr, "sipload: the server closed a connection\n");
        exit(1);
    }
    c->in_length += (size_t)n;
    size_t used = 0, length;
    while ((length = message_framed(c->in + used, c->in_length - used)) > 0) {
        handler(&c->path, c->in + used, length);
        used += length;
    }
    memmove(c->in, c->in + used, c->in_length - used);
    c->in_length -= used;
}

static void take_input(void) {
    char input[64];
    ssize_t n = read(STDIN_FILENO, input, sizeof input);
    for (ssize_t i = 0; i < n; i++) words += input[i] == '\n';
    if (n > 0) return;
    epoll_ctl(poll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    input_ended = true;
}

bool network_take_word(void) {
    if (words == 0) return input_ended;
    words--;
    return true;
}

void network_wait(int64_t timeout_us, message_handler handler) {
    struct epoll_event events[64];
    struct timespec timeout = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
    int count = epoll_pwait2(poll_fd, events, 64, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        int tag = (int)events[i].data.u32;
        if (tag == STDIN_TAG) take_input();
        else if (tag == UDP_TAG) receive_udp(handler);
        else receive_stream(&connections[tag], handler);
    }
}
