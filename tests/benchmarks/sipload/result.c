#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "load.h"

void times_add(struct times *t, int64_t us) {
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 4096;
        t->us = realloc(t->us, t->room * sizeof *t->us);
        if (!t->us) exit(1);
    }
    t->us[t->count++] = (int32_t)us;
}

static int ascending(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *name, struct times *t) {
    if (t->count == 0) return;
    qsort(t->us, t->count, sizeof *t->us, ascending);
    printf(", \"%s\": {\"count\": %zu, \"p50\": %d, \"p95\": %d, \"p99\": %d, \"max\": %d}", name, t->count,
           t->us[t->count / 2], t->us[t->count * 95 / 100], t->us[t->count * 99 / 100], t->us[t->count - 1]);
}

static void print_statuses(void) {
    const char *comma = "";
    for (int status = 0; status < MAX_STATUS; status++) {
        if (counts.statuses[status] == 0) continue;
        printf("%s\"%d\": %ld", comma, status, counts.statuses[status]);
        comma = ", ";
    }
}

/* Of this program: close to the time that has passed, it is the generator that sets the pace. */
static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void result_print(int64_t us) {
    printf("{\"seconds\": %.6f, \"started\": %ld, \"completed\": %ld, \"failed\": %ld", (double)us / 1e6, counts.started,
           counts.completed, counts.failed);
    printf(", \"retransmissions\": %ld, \"challenges\": %ld, \"stray\": %ld, \"repeated_answers\": %ld",
           counts.retransmissions, counts.challenges, counts.stray, counts.repeated_answers);
    printf(", \"called\": {\"INVITE\": %ld, \"ACK\": %ld, \"BYE\": %ld, \"other\": %ld}", counts.invites, counts.acks,
           counts.byes, counts.other_requests);
    printf(", \"cpu_seconds\": %.3f", cpu_seconds());
    printf(", \"most_late_us\": %lld, \"statuses\": {", (long long)counts.most_late);
    print_statuses();
    printf("}");
    print_times("whole_us", &counts.whole);
    print_times("post_dial_us", &counts.post_dial);
    printf("}\n");
}
