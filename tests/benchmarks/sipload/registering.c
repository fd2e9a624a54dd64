/* REGISTER, 401, REGISTER with the answer to the challenge, 200 (RFC 3261 §10). With --refresh a phone uses the nonce
 * that it has already, as phones do between two challenges. */
#include <arpa/inet.h>
#include <string.h>

#include "load.h"

static void send_register(struct operation *o, bool with_credentials) {
    struct phone *phone = &phones[o->phone];
    struct path path = network_path(o->phone);
    struct writer w = operation_writer(o);
    char uri[URI], host[INET_ADDRSTRLEN];
    struct writer u = {uri, 0, sizeof uri};
    inet_ntop(AF_INET, &path.local, host, sizeof host);
    write_text(&u, "sip:%s", options.domain);
    o->cseq = ++phone->cseq;
    write_text(&w, "REGISTER %s SIP/2.0\r\n", uri);
    write_via(&w, o, &path, o->step);
    write_text(&w, "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%x\r\nTo: <sip:%s@%s>\r\n", phone->name, options.domain,
               (unsigned)o->serial, phone->name, options.domain);
    write_text(&w, "Call-ID: %x-%x@sipload\r\nCSeq: %u REGISTER\r\n", run_id, (unsigned)o->phone, o->cseq);
    write_text(&w, "Contact: <sip:%s@%s:%d%s>\r\nExpires: 3600\r\n", phone->name, host, path.local_port,
               network_is_reliable() ? ";transport=tcp" : "");
    if (with_credentials) digest_write(&w, phone, "Authorization", "REGISTER", uri);
    write_text(&w, "User-Agent: sipload\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nContent-Length: 0\r\n\r\n");
    operation_send(o, &w);
}

void register_begin(struct operation *o) {
    o->step = REGISTERING;
    send_register(o, options.refresh && phones[o->phone].nonce[0]);
}

void register_response(struct operation *o, const struct message *m) {
    if (m->status < 200) return;
    if (m->status == 401 && o->step == REGISTERING && digest_take(&phones[o->phone], m)) {
        counts.challenges++;
        o->step = REGISTERING_AGAIN;
        send_register(o, true);
        return;
    }
    times_add(&counts.whole, now - o->started);
    operation_end(o, m->status == 200);
}
