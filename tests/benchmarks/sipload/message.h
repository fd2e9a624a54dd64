/* SIP messages as far as a load generator needs them: where the parts of a received one lie, and a writer. */
#ifndef SIPLOAD_MESSAGE_H
#define SIPLOAD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_LINES = 8, MAX_MESSAGE = 4096 };

/* A piece of the received bytes; not terminated. */
struct text {
    const char *at;
    size_t length;
};

/* Header lines of one name, in their order. */
struct lines {
    struct text line[MAX_LINES];
    int count;
};

struct message {
    int status; /* 0: a request */
    struct text method;
    struct text from, to, call_id, cseq, contact;
    struct lines vias, record_routes, challenges;
    struct text body;
};

/* Whether `data` holds a message with what every one must have. The pieces point into `data`. */
bool message_parse(struct message *m, const char *data, size_t length);

/* The length of the first whole message of a stream, 0 when more bytes are needed. */
size_t message_framed(const char *data, size_t length);

bool text_is(struct text t, const char *word);
bool text_starts(struct text t, const char *word);
/* The value of `name=` in a header line, without quotes; an empty text when it is not there. */
struct text text_parameter(struct text line, const char *name);
/* What stands between < and >. */
struct text text_in_brackets(struct text t);
/* A terminated copy; false when it does not fit. */
bool text_copy(char *to, size_t room, struct text from);

/* Writes a message piece by piece. What does not fit is an error of ours and ends the program. */
struct writer {
    char *at;
    size_t length, room;
};

void write_text(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void write_lines(struct writer *w, const char *name, const struct lines *lines, bool reversed);

#endif
