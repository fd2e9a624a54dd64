/* What the parts of the generator share: phones, the operations under way, and what is counted.
 *
 * An operation is one registration or one call. It finds itself again by the branch of its requests, which carries its
 * number; so nothing is searched and the generator stays faster than what it measures. */
#ifndef SIPLOAD_LOAD_H
#define SIPLOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "md5.h"
#include "message.h"
#include "network.h"

enum { MAX_OPERATIONS = 20000, MAX_STATUS = 700, NAME = 32, URI = 256, ROUTES = 1024, NONCE = 256 };

struct phone {
    char name[NAME];
    char ha1[MD5_HEX]; /* of the realm that was last seen; empty before */
    uint32_t cseq;
    uint32_t nonce_count;
    char realm[128], nonce[NONCE]; /* of the last challenge; kept for --refresh */
    bool has_qop;
};

enum step { FREE, REGISTERING, REGISTERING_AGAIN, INVITING, INVITING_AGAIN, TALKING, ENDING };

struct operation {
    enum step step;
    int phone, peer; /* numbers of phones; `peer` is who is called */
    uint32_t serial; /* of this operation, so that a late answer to an earlier one is told apart */
    uint32_t cseq;
    int64_t started, sent, resend_at, resend_after, wake_at;
    bool rings; /* a ringing tone came */
    char request[MAX_MESSAGE];
    size_t request_length;
    char to[URI], target[URI]; /* of the dialog */
    char routes[ROUTES];
};

/* A growing list of times in microseconds. */
struct times {
    int32_t *us;
    size_t count, room;
};

struct counts {
    long started, completed, failed, retransmissions, challenges, stray, repeated_answers;
    long invites, acks, byes, other_requests; /* that reached the called side */
    long statuses[MAX_STATUS];
    struct times whole, post_dial;
    int64_t most_late;
};

struct options {
    const char *host, *password, *domain, *audio;
    in_port_t port, own_port;
    int first, users, connections, window, count;
    double rate, seconds;
    int64_t hold;
    bool refresh, no_register, hold_until_told, stay;
};

/* What is being run: registrations or calls. */
struct kind {
    void (*begin)(struct operation *);
    void (*response)(struct operation *, const struct message *);
    int first_phone, phones; /* that take part in turn, as the acting side */
    int peers_from;          /* the called phone of the first; 0: nobody is called */
};

extern struct options options;
extern struct counts counts;
extern struct phone *phones;
extern int64_t now;
extern unsigned run_id;

/* engine.c */
void engine_prepare(void);
/* Returns the time from the first request to the last answer in microseconds. */
int64_t engine_run(struct kind kind);
/* Prints a word to who started us, and waits for a line in return; what arrives meanwhile is answered. */
void engine_ask(const char *word);
/* Answers what still arrives after a run: the far leg's BYE comes after our own is answered. */
void engine_drain(void);
void operation_send(struct operation *o, const struct writer *w);
void operation_end(struct operation *o, bool completed);
void write_via(struct writer *w, const struct operation *o, const struct path *path, int step_number);
/* A writer into the operation's own room, where the request stays until it is answered. */
struct writer operation_writer(struct operation *o);

/* result.c */
void times_add(struct times *t, int64_t us);
void result_print(int64_t us);

/* digest.c: takes the MD5 challenge of a 401 or 407; false when there is none. */
bool digest_take(struct phone *phone, const struct message *m);
/* Writes an Authorization or Proxy-Authorization header line. */
void digest_write(struct writer *w, struct phone *phone, const char *header, const char *method, const char *uri);

/* registering.c, calling.c: the two kinds of operation. */
void register_begin(struct operation *o);
void register_response(struct operation *o, const struct message *m);
void call_begin(struct operation *o);
void call_response(struct operation *o, const struct message *m);
void call_wake(struct operation *o);

/* audio.c: with --audio. `audio_port` is the phone's own port for RTP, `otherwise` without --audio; `audio_note` reads the
 * server's port out of a session description; `audio_tell` prints what was read, a line for each pair of phones. */
void audio_read(void);
in_port_t audio_port(int phone, in_port_t otherwise);
void audio_note(int phone, struct text body);
void audio_tell(void);

/* answering.c: the called phones. They keep no state; whether each call got one INVITE, ACK and BYE is in the counts. */
void answer_request(const struct path *path, const struct message *m);

#endif
