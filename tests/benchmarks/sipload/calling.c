/* The calling phone: INVITE, challenge, ACK, INVITE with the answer, ringing, 200, ACK, talk, BYE (RFC 3261 §13, §15). */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

/* What a branch is for, beside the steps: an ACK to a 2xx has one of its own. */
enum { ACK_BRANCH = 15 };

static void write_body(struct writer *w, const char *host, in_port_t port) {
    char body[512];
    struct writer b = {body, 0, sizeof body};
    write_text(&b, "v=0\r\no=- 20518 0 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 8 101\r\n",
               host, host, port);
    write_text(&b, "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
                   "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
    write_text(w, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", b.length, body);
}

/* The head that all requests of a call share, up to CSeq. */
static void write_head(struct writer *w, const struct operation *o, const struct path *path, const char *method,
                       const char *uri, const char *to, int branch) {
    write_text(w, "%s %s SIP/2.0\r\n", method, uri);
    write_via(w, o, path, branch);
    write_text(w, "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=a%x\r\nTo: %s\r\n", phones[o->phone].name, options.domain,
               (unsigned)o->serial, to);
    write_text(w, "Call-ID: %x.%x@sipload\r\nCSeq: %u %s\r\n", run_id, (unsigned)o->serial, o->cseq, method);
}

static void dialled(const struct operation *o, char uri[URI]) {
    snprintf(uri, URI, "sip:%s@%s", phones[o->peer].name, options.domain);
}

static void send_invite(struct operation *o, bool with_credentials, const char *header) {
    struct path path = network_path(o->phone);
    struct writer w = operation_writer(o);
    char uri[URI], to[URI + 2], host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &path.local, host, sizeof host);
    dialled(o, uri);
    snprintf(to, sizeof to, "<%s>", uri);
    o->cseq++;
    write_head(&w, o, &path, "INVITE", uri, to, o->step);
    write_text(&w, "Contact: <sip:%s@%s:%d%s>\r\n", phones[o->phone].name, host, path.local_port,
               network_is_reliable() ? ";transport=tcp" : "");
    if (with_credentials) digest_write(&w, &phones[o->phone], header, "INVITE", uri);
    write_text(&w, "User-Agent: sipload\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nSupported: replaces\r\n");
    write_body(&w, host, audio_port(o->phone, 40000));
    operation_send(o, &w);
}

static void send_ack(struct operation *o, const char *uri, const char *to, const char *routes, int branch) {
    char data[MAX_MESSAGE];
    struct path path = network_path(o->phone);
    struct writer w = {data, 0, sizeof data};
    write_head(&w, o, &path, "ACK", uri, to, branch);
    write_text(&w, "%sContent-Length: 0\r\n\r\n", routes);
    network_send(&path, w.at, w.length);
}

/* RFC 3261 §17.1.1.3: the ACK for a refusal belongs to the INVITE's transaction. */
static void acknowledge_refusal(struct operation *o, const struct message *m) {
    char uri[URI], to[URI];
    dialled(o, uri);
    if (text_copy(to, sizeof to, m->to)) send_ack(o, uri, to, "", o->step);
}

void call_begin(struct operation *o) {
    o->step = INVITING;
    o->cseq = 0;
    send_invite(o, false, "");
}

/* The dialog as the 200 makes it (RFC 3261 §12.1.2). */
static bool take_dialog(struct operation *o, const struct message *m) {
    struct writer routes = {o->routes, 0, sizeof o->routes};
    o->routes[0] = 0;
    write_lines(&routes, "Route", &m->record_routes, true);
    return m->contact.length && text_copy(o->target, sizeof o->target, text_in_brackets(m->contact)) &&
           text_copy(o->to, sizeof o->to, m->to);
}

static void answered(struct operation *o, const struct message *m) {
    times_add(&counts.whole, now - o->started);
    /* The 200 has overtaken the 180, as UDP and some servers let it. */
    if (!o->rings) times_add(&counts.post_dial, now - o->started);
    if (!take_dialog(o, m)) {
        operation_end(o, false);
        return;
    }
    audio_note(o->phone, m->body);
    send_ack(o, o->target, o->to, o->routes, ACK_BRANCH);
    o->step = TALKING;
    o->resend_at = 0;
    o->wake_at = options.hold_until_told ? INT64_MAX : now + options.hold;
    if (o->wake_at <= now) call_wake(o);
}

/* The time to hang up has come. */
void call_wake(struct operation *o) {
    struct path path = network_path(o->phone);
    struct writer w = operation_writer(o);
    o->step = ENDING;
    o->wake_at = 0;
    o->cseq++;
    write_head(&w, o, &path, "BYE", o->target, o->to, o->step);
    write_text(&w, "%sContent-Length: 0\r\n\r\n", o->routes);
    operation_send(o, &w);
}

static void refused(struct operation *o, const struct message *m) {
    acknowledge_refusal(o, m);
    bool challenged = (m->status == 401 || m->status == 407) && o->step == INVITING;
    if (!challenged || !digest_take(&phones[o->phone], m)) {
        operation_end(o, false);
        return;
    }
    counts.challenges++;
    o->step = INVITING_AGAIN;
    send_invite(o, true, m->status == 401 ? "Authorization" : "Proxy-Authorization");
}

static void progressed(struct operation *o, const struct message *m) {
    o->resend_at = 0;
    if (m->status < 180 || o->rings) return;
    o->rings = true;
    times_add(&counts.post_dial, now - o->started);
}

void call_response(struct operation *o, const struct message *m) {
    bool is_invite = m->cseq.length > 6 && memcmp(m->cseq.at + m->cseq.length - 6, "INVITE", 6) == 0;
    bool is_inviting = o->step == INVITING || o->step == INVITING_AGAIN;
    if (is_invite && is_inviting) {
        if (m->status < 200) progressed(o, m);
        else if (m->status < 300) answered(o, m);
        else refused(o, m);
    } else if (is_invite && m->status >= 200 && m->status < 300) {
        /* Our ACK did not arrive: RFC 3261 §13.2.2.4 wants it again. */
        counts.repeated_answers++;
        if (o->step == TALKING) send_ack(o, o->target, o->to, o->routes, ACK_BRANCH);
    } else if (!is_invite && o->step == ENDING && m->status >= 200) {
        operation_end(o, m->status == 200);
    } else {
        counts.stray++;
    }
}
