/* The operations under way: how they are found, repeated, given up, paced and ended. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

enum { T1_US = 500000, T2_US = 4000000, GIVE_UP_US = 8000000, TICK_US = 20000, DRAIN_US = 500000 };

int64_t now;

static struct operation *operations;
static int *free_list, free_count, active, next_phone;
static int used; /* operations below this number were begun at some time: the others need no look */
static uint32_t next_serial;
static struct kind kind;

static int64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void engine_prepare(void) {
    now = clock_us();
    run_id = (unsigned)now & 0xffffff;
    operations = calloc(MAX_OPERATIONS, sizeof *operations);
    free_list = calloc(MAX_OPERATIONS, sizeof *free_list);
    if (!operations || !free_list) exit(1);
    /* The last in the list is taken first: so the low numbers are in use, and a tick walks little memory. */
    for (int i = MAX_OPERATIONS; i > 0; i--) free_list[free_count++] = i - 1;
}

/* ---------------------------------------------------------------- one operation */

void write_via(struct writer *w, const struct operation *o, const struct path *path, int step_number) {
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &path->local, host, sizeof host);
    write_text(w, "Via: SIP/2.0/%s %s:%d;rport;branch=z9hG4bK%x-%x-%x.%x\r\n", network_is_reliable() ? "TCP" : "UDP",
               host, path->local_port, run_id, (unsigned)(o - operations), (unsigned)o->serial, step_number);
}

static struct operation *operation_of(const struct message *m, int *step_number) {
    unsigned run, number, serial, step;
    char branch[64];
    if (!text_copy(branch, sizeof branch, text_parameter(m->vias.line[0], "branch"))) return NULL;
    if (sscanf(branch, "z9hG4bK%x-%x-%x.%x", &run, &number, &serial, &step) != 4) return NULL;
    if (run != run_id || number >= MAX_OPERATIONS) return NULL;
    struct operation *o = &operations[number];
    *step_number = (int)step;
    return o->step != FREE && o->serial == serial ? o : NULL;
}

struct writer operation_writer(struct operation *o) {
    return (struct writer){o->request, 0, sizeof o->request};
}

static void put(struct operation *o) {
    struct path path = network_path(o->phone);
    network_send(&path, o->request, o->request_length);
    o->resend_at = network_is_reliable() ? 0 : now + o->resend_after;
}

void operation_send(struct operation *o, const struct writer *w) {
    o->request_length = w->length;
    o->sent = now;
    o->resend_after = T1_US;
    put(o);
}

void operation_end(struct operation *o, bool completed) {
    if (completed) counts.completed++;
    else counts.failed++;
    o->step = FREE;
    free_list[free_count++] = (int)(o - operations);
    active--;
}

static void begin_one(void) {
    struct operation *o = &operations[free_list[--free_count]];
    int turn = next_phone++ % kind.phones;
    if (o - operations >= used) used = (int)(o - operations) + 1;
    active++, counts.started++;
    o->phone = kind.first_phone + turn;
    o->peer = kind.peers_from + turn;
    o->serial = ++next_serial;
    o->started = now;
    o->rings = false;
    o->wake_at = 0;
    kind.begin(o);
}

/* What is due for an operation: repeat (RFC 3261 §17.1.1.2, §17.1.2.2), give up, or hang up. */
static void tick(struct operation *o) {
    if (o->step == TALKING) {
        if (o->wake_at <= now) call_wake(o);
    } else if (now - o->sent > GIVE_UP_US) {
        counts.statuses[408]++;
        operation_end(o, false);
    } else if (o->resend_at && o->resend_at <= now) {
        counts.retransmissions++;
        o->resend_after *= 2;
        if (o->resend_after > T2_US && o->step != INVITING && o->step != INVITING_AGAIN) o->resend_after = T2_US;
        put(o);
    }
}

static void tick_all(void) {
    static int64_t last;
    if (now - last < TICK_US) return;
    last = now;
    for (int i = 0; i < used; i++)
        if (operations[i].step != FREE) tick(&operations[i]);
}

static void received(const struct path *path, const char *data, size_t length) {
    struct message m;
    int step_number = 0;
    now = clock_us();
    if (!message_parse(&m, data, length)) {
        counts.stray++;
        return;
    }
    if (m.status == 0) {
        answer_request(path, &m);
        return;
    }
    struct operation *o = operation_of(&m, &step_number);
    bool is_late = !o || (step_number != (int)o->step && o->step != TALKING && o->step != ENDING);
    if (is_late) {
        counts.stray++;
        return;
    }
    if (m.status < MAX_STATUS) counts.statuses[m.status]++;
    kind.response(o, &m);
}

static void turn(int64_t timeout_us) {
    network_flush();
    network_wait(timeout_us, received);
    now = clock_us();
    tick_all();
}

/* ---------------------------------------------------------------- a run of many */

/* When the next operation of a fixed rate is to begin. */
static int64_t next_at(int64_t start) {
    return start + (int64_t)((double)counts.started * 1e6 / options.rate);
}

static bool still_beginning(int64_t start) {
    if (options.count) return counts.started < options.count;
    return now - start < (int64_t)(options.seconds * 1e6);
}

static bool is_due(int64_t start) {
    if (!still_beginning(start) || free_count == 0) return false;
    return options.rate > 0 ? next_at(start) <= now : active < options.window;
}

static void begin_due(int64_t start) {
    while (is_due(start)) {
        int64_t late = options.rate > 0 ? now - next_at(start) : 0;
        if (late > counts.most_late) counts.most_late = late;
        begin_one();
    }
}

static int64_t patience(int64_t start) {
    if (options.rate <= 0 || !still_beginning(start)) return TICK_US;
    int64_t left = next_at(start) - now;
    return left < 0 ? 0 : left > TICK_US ? TICK_US : left;
}

static int talking(void) {
    int number = 0;
    for (int i = 0; i < used; i++) number += operations[i].step == TALKING;
    return number;
}

void engine_ask(const char *word) {
    printf("%s\n", word);
    fflush(stdout);
    while (!network_take_word()) turn(TICK_US);
}

void engine_drain(void) {
    for (int64_t end = clock_us() + DRAIN_US; now < end;) turn(TICK_US);
}

static void hang_up_all(void) {
    options.hold_until_told = false;
    for (int i = 0; i < used; i++) {
        if (operations[i].step != TALKING) continue;
        now = clock_us();
        call_wake(&operations[i]);
        turn(200); /* not all in one burst, which no server's socket would hold */
    }
}

int64_t engine_run(struct kind what) {
    int64_t start = now = clock_us();
    kind = what;
    next_phone = 0;
    while (still_beginning(start) || active > 0) {
        begin_due(start);
        turn(patience(start));
        if (options.hold_until_told && !still_beginning(start) && talking() == active) {
            if (options.audio) audio_tell();
            engine_ask("held");
            hang_up_all();
        }
    }
    network_flush();
    return clock_us() - start;
}
