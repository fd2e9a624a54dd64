#include <arpa/inet.h>
#include <string.h>

#include "load.h"

/* An answer up to the headers that depend on its status. */
static void write_answer(struct writer *w, const struct message *m, int status, const char *reason) {
    write_text(w, "SIP/2.0 %d %s\r\n", status, reason);
    write_lines(w, "Via", &m->vias, false);
    write_lines(w, "Record-Route", &m->record_routes, false);
    bool has_tag = text_parameter(m->to, "tag").length > 0;
    write_text(w, "From: %.*s\r\nTo: %.*s%s\r\n", (int)m->from.length, m->from.at, (int)m->to.length, m->to.at,
               has_tag ? "" : ";tag=called");
    write_text(w, "Call-ID: %.*s\r\nCSeq: %.*s\r\n", (int)m->call_id.length, m->call_id.at, (int)m->cseq.length,
               m->cseq.at);
}

static void write_contact(struct writer *w, const struct path *path) {
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &path->local, host, sizeof host);
    write_text(w, "Contact: <sip:called@%s:%d%s>\r\n", host, path->local_port,
               network_is_reliable() ? ";transport=tcp" : "");
}

static void write_body(struct writer *w, const struct path *path) {
    char body[256], host[INET_ADDRSTRLEN];
    struct writer b = {body, 0, sizeof body};
    inet_ntop(AF_INET, &path->local, host, sizeof host);
    write_text(&b, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n", host, host,
               audio_port(network_phone(path), 40002));
    write_text(&b, "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n");
    write_text(w, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nContent-Type: application/sdp\r\n");
    write_text(w, "Content-Length: %zu\r\n\r\n%s", b.length, body);
}

static void answer_plainly(const struct path *path, const struct message *m) {
    char data[MAX_MESSAGE];
    struct writer w = {data, 0, sizeof data};
    write_answer(&w, m, 200, "OK");
    write_text(&w, "Content-Length: 0\r\n\r\n");
    network_send(path, w.at, w.length);
}

static void ring(const struct path *path, const struct message *m) {
    char data[MAX_MESSAGE];
    struct writer w = {data, 0, sizeof data};
    write_answer(&w, m, 180, "Ringing");
    write_contact(&w, path);
    write_text(&w, "Content-Length: 0\r\n\r\n");
    network_send(path, w.at, w.length);
}

static void pick_up(const struct path *path, const struct message *m) {
    char data[MAX_MESSAGE];
    struct writer w = {data, 0, sizeof data};
    write_answer(&w, m, 200, "OK");
    write_contact(&w, path);
    write_body(&w, path);
    network_send(path, w.at, w.length);
}

void answer_request(const struct path *path, const struct message *m) {
    if (text_is(m->method, "INVITE")) {
        counts.invites++;
        audio_note(network_phone(path), m->body);
        ring(path, m);
        pick_up(path, m);
    } else if (text_is(m->method, "ACK")) {
        counts.acks++;
    } else {
        *(text_is(m->method, "BYE") ? &counts.byes : &counts.other_requests) += 1;
        answer_plainly(path, m);
    }
}
