#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool take_start_line(struct message *m, struct text line) {
    if (text_starts(line, "SIP/2.0 ")) {
        m->status = line.length > 11 ? atoi(line.at + 8) : 0;
        return m->status >= 100;
    }
    const char *space = memchr(line.at, ' ', line.length);
    if (!space) return false;
    m->method = (struct text){line.at, (size_t)(space - line.at)};
    return true;
}

static void take_one_of(struct lines *lines, struct text value) {
    if (lines->count < MAX_LINES) lines->line[lines->count++] = value;
}

static void take_header(struct message *m, struct text name, struct text value) {
    if (text_is(name, "Via") || text_is(name, "v")) take_one_of(&m->vias, value);
    else if (text_is(name, "From") || text_is(name, "f")) m->from = value;
    else if (text_is(name, "To") || text_is(name, "t")) m->to = value;
    else if (text_is(name, "Call-ID") || text_is(name, "i")) m->call_id = value;
    else if (text_is(name, "CSeq")) m->cseq = value;
    else if (text_is(name, "Contact") || text_is(name, "m")) m->contact = value;
    else if (text_is(name, "Record-Route")) take_one_of(&m->record_routes, value);
    else if (text_is(name, "WWW-Authenticate") || text_is(name, "Proxy-Authenticate")) take_one_of(&m->challenges, value);
}

static void take_header_line(struct message *m, struct text line) {
    const char *colon = memchr(line.at, ':', line.length);
    if (!colon) return;
    struct text name = {line.at, (size_t)(colon - line.at)};
    struct text value = {colon + 1, line.length - name.length - 1};
    while (name.length > 0 && name.at[name.length - 1] == ' ') name.length--;
    while (value.length > 0 && value.at[0] == ' ') value.at++, value.length--;
    take_header(m, name, value);
}

/* Only the counts matter; clearing all lines for each message would cost more than reading it. */
static void clear(struct message *m) {
    m->vias.count = m->record_routes.count = m->challenges.count = m->status = 0;
    m->from.length = m->to.length = m->call_id.length = m->cseq.length = m->contact.length = m->method.length = 0;
    m->body.length = 0;
}

bool message_parse(struct message *m, const char *data, size_t length) {
    const char *end = data + length;
    clear(m);
    for (const char *at = data; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) return false;
        struct text line = {at, (size_t)(stop - at)};
        if (line.length > 0 && line.at[line.length - 1] == '\r') line.length--;
        if (line.length == 0) {
            m->body = (struct text){stop + 1, (size_t)(end - stop - 1)};
            break;
        }
        if (at != data) take_header_line(m, line);
        else if (!take_start_line(m, line)) return false;
        at = stop + 1;
    }
    return m->vias.count > 0 && m->from.length && m->to.length && m->call_id.length && m->cseq.length;
}

size_t message_framed(const char *data, size_t length) {
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - data) + 4, body = 0;
    for (const char *at = data; at < end; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at) break;
        if (strncasecmp(at + 1, "Content-Length:", 15) == 0) body = (size_t)atol(at + 16);
        else if (strncasecmp(at + 1, "l:", 2) == 0) body = (size_t)atol(at + 3);
    }
    return head + body <= length ? head + body : 0;
}

bool text_is(struct text t, const char *word) {
    return strlen(word) == t.length && strncasecmp(t.at, word, t.length) == 0;
}

bool text_starts(struct text t, const char *word) {
    size_t length = strlen(word);
    return t.length >= length && strncasecmp(t.at, word, length) == 0;
}

static struct text value_at(const char *value, const char *end) {
    if (value < end && *value == '"') {
        value++;
        const char *quote = memchr(value, '"', (size_t)(end - value));
        return (struct text){value, quote ? (size_t)(quote - value) : 0};
    }
    const char *stop = value;
    while (stop < end && *stop != ',' && *stop != ';' && *stop != ' ') stop++;
    return (struct text){value, (size_t)(stop - value)};
}

struct text text_parameter(struct text line, const char *name) {
    size_t length = strlen(name);
    const char *end = line.at + line.length;
    for (const char *at = line.at + 1; at + length + 1 < end; at++) {
        bool begins = at[-1] == ' ' || at[-1] == ',' || at[-1] == ';';
        if (begins && at[length] == '=' && strncasecmp(at, name, length) == 0) return value_at(at + length + 1, end);
    }
    return (struct text){line.at, 0};
}

struct text text_in_brackets(struct text t) {
    const char *open = memchr(t.at, '<', t.length);
    if (!open) return t;
    const char *shut = memchr(open, '>', t.length - (size_t)(open - t.at));
    return (struct text){open + 1, shut ? (size_t)(shut - open - 1) : 0};
}

bool text_copy(char *to, size_t room, struct text from) {
    if (from.length >= room) return false;
    memcpy(to, from.at, from.length);
    to[from.length] = 0;
    return true;
}

void write_text(struct writer *w, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(w->at + w->length, w->room - w->length, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= w->room - w->length) {
        fprintf(stderr, "sipload: a message of more than %zu bytes\n", w->room);
        exit(1);
    }
    w->length += (size_t)length;
}

void write_lines(struct writer *w, const char *name, const struct lines *lines, bool reversed) {
    for (int i = 0; i < lines->count; i++) {
        struct text line = lines->line[reversed ? lines->count - 1 - i : i];
        write_text(w, "%s: %.*s\r\n", name, (int)line.length, line.at);
    }
}
