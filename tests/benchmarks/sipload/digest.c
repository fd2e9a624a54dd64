/* Digest authentication with MD5 (RFC 7616 §3.4, and RFC 2069's form where no qop is offered). */
#include <stdio.h>
#include <string.h>

#include "load.h"

static const struct text *md5_challenge(const struct message *m) {
    for (int i = 0; i < m->challenges.count; i++) {
        struct text algorithm = text_parameter(m->challenges.line[i], "algorithm");
        if (algorithm.length == 0 || text_is(algorithm, "MD5")) return &m->challenges.line[i];
    }
    return NULL;
}

bool digest_take(struct phone *phone, const struct message *m) {
    const struct text *challenge = md5_challenge(m);
    if (!challenge) return false;
    struct text realm = text_parameter(*challenge, "realm");
    if (phone->ha1[0] == 0 || !text_is(realm, phone->realm)) {
        if (!text_copy(phone->realm, sizeof phone->realm, realm)) return false;
        char password[128];
        snprintf(password, sizeof password, "%s%s", options.password, phone->name);
        md5_of(phone->ha1, (const char *[]){phone->name, phone->realm, password, NULL});
    }
    phone->has_qop = text_parameter(*challenge, "qop").length > 0;
    phone->nonce_count = 0;
    return text_copy(phone->nonce, sizeof phone->nonce, text_parameter(*challenge, "nonce"));
}

void digest_write(struct writer *w, struct phone *phone, const char *header, const char *method, const char *uri) {
    char ha2[MD5_HEX], answer[MD5_HEX], nc[9];
    const char *cnonce = "0a4f113b";
    md5_of(ha2, (const char *[]){method, uri, NULL});
    write_text(w, "%s: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", algorithm=MD5", header,
               phone->name, phone->realm, phone->nonce, uri);
    if (phone->has_qop) {
        snprintf(nc, sizeof nc, "%08x", ++phone->nonce_count);
        md5_of(answer, (const char *[]){phone->ha1, phone->nonce, nc, cnonce, "auth", ha2, NULL});
        write_text(w, ", qop=auth, nc=%s, cnonce=\"%s\"", nc, cnonce);
    } else {
        md5_of(answer, (const char *[]){phone->ha1, phone->nonce, ha2, NULL});
    }
    write_text(w, ", response=\"%s\"\r\n", answer);
}
