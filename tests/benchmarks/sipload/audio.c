/* Calls whose audio another program sends, from ports that it has told beforehand. Line N of the file that --audio names
 * has the port of calling phone N and that of the phone it calls. When all calls are up, line N of standard output has
 * the server's port for each of the two: 0 where none was told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static int *own, *servers; /* by phone */

void audio_read(void) {
    int pairs = options.users / 2;
    own = calloc((size_t)options.users, sizeof *own);
    servers = calloc((size_t)options.users, sizeof *servers);
    FILE *file = fopen(options.audio, "r");
    if (!own || !servers || !file) {
        perror(options.audio);
        exit(1);
    }
    for (int i = 0; i < pairs; i++) {
        if (fscanf(file, "%d %d", &own[i], &own[pairs + i]) == 2) continue;
        fprintf(stderr, "sipload: %s has no two ports for call %d\n", options.audio, i);
        exit(1);
    }
    fclose(file);
}

in_port_t audio_port(int phone, in_port_t otherwise) {
    return options.audio && phone >= 0 && phone < options.users ? (in_port_t)own[phone] : otherwise;
}

void audio_note(int phone, struct text body) {
    if (!options.audio || phone < 0 || phone >= options.users) return;
    const char *line = memmem(body.at, body.length, "\nm=audio ", 9);
    if (line && line + 14 < body.at + body.length) servers[phone] = atoi(line + 9);
}

void audio_tell(void) {
    int pairs = options.users / 2;
    for (int i = 0; i < pairs; i++) printf("%d %d\n", servers[i], servers[pairs + i]);
}
