/* The sockets: one for all phones over UDP, a few connections over TCP. Loopback only, IPv4.
 *
 * Over UDP each phone has an address of its own out of 127.0.0.0/8, written into each datagram (IP_PKTINFO), so that a
 * server sees as many hosts as there are phones. What is sent is gathered and leaves with network_flush. */
#ifndef SIPLOAD_NETWORK_H
#define SIPLOAD_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By which way a message came, or shall go. */
struct path {
    struct in_addr local;
    in_port_t local_port; /* in host order */
    int connection;       /* -1: UDP */
};

typedef void (*message_handler)(const struct path *path, const char *data, size_t length);

/* `connections` 0 means UDP, `own_port` 0 any port of ours. Ends the program, with a reason, when it cannot be done. */
void network_open(const char *host, in_port_t port, in_port_t own_port, int connections);

/* The path of a phone, by its number. */
struct path network_path(int phone);
/* The other way round, over UDP. */
int network_phone(const struct path *path);
bool network_is_reliable(void);

void network_send(const struct path *path, const char *data, size_t length);
void network_flush(void);

/* Hands all that arrives within `timeout_us` to the handler, one wake-up at most. */
void network_wait(int64_t timeout_us, message_handler handler);

/* Whether standard input had one more line, or has ended. */
bool network_take_word(void);

#endif
