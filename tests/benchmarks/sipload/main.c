/* SIP load: phones that register and call, faster than any server that is measured with them.
 *
 *   cc -O2 -D_GNU_SOURCE -o sipload *.c
 *   sipload register --server 127.0.0.1:5060 --users 1000 --window 32 --seconds 5
 *   sipload call --server 127.0.0.1:5060 --users 200 --rate 20 --seconds 10 --hold 100
 *
 * Phones are called 100000 and on, with the password "benchmark-100000" and on. In calls the first half calls the second,
 * which registers before. `--window` keeps so many operations under way, which finds the rate that a server sustains;
 * `--rate` begins so many a second, whatever the server does, which shows its delays. Standard output: "ready" once
 * everything is prepared; after a line on standard input the run begins; with --hold-until-told "held" when all calls are
 * up, which a second line ends; then one line of JSON. With --stay the phones keep their sockets open afterwards, until
 * one more line comes. --audio FILE: see audio.c. --own-port gives all phones this UDP port, for a server that is told beforehand where they are. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

struct options options = {.password = "benchmark-", .first = 100000, .users = 1000, .window = 32, .seconds = 5};
struct counts counts;
struct phone *phones;
unsigned run_id;

static void usage(void) {
    fputs("usage: sipload register|call --server HOST:PORT [--users N] [--window N | --rate R] [--seconds S | --count N]\n"
          "               [--first NUMBER] [--password PREFIX] [--domain NAME] [--tcp CONNECTIONS]\n"
          "               [--own-port PORT] [--refresh] [--no-register] [--hold MILLISECONDS | --hold-until-told] [--stay]\n"
          "               [--audio FILE]\n",
          stderr);
    exit(2);
}

static void make_phones(void) {
    phones = calloc((size_t)options.users, sizeof *phones);
    if (!phones) exit(1);
    for (int i = 0; i < options.users; i++) snprintf(phones[i].name, NAME, "%d", options.first + i);
}

/* The phones that will be called register, outside of what is measured. */
static void register_called(int first, int number) {
    struct options asked = options;
    options.count = number, options.rate = 0, options.window = 16, options.hold_until_told = false;
    engine_run((struct kind){register_begin, register_response, first, number, 0});
    options = asked;
    if (counts.completed != number) {
        fprintf(stderr, "sipload: %ld of %d phones could not register\n", number - counts.completed, number);
        exit(1);
    }
    memset(&counts, 0, sizeof counts);
}

static void take_server(char *text) {
    char *colon = strrchr(text, ':');
    if (!colon) usage();
    *colon = 0;
    options.host = text;
    options.port = (in_port_t)atoi(colon + 1);
}

static void take_option(int option) {
    switch (option) {
    case 's': take_server(optarg); break;
    case 'u': options.users = atoi(optarg); break;
    case 'f': options.first = atoi(optarg); break;
    case 'w': options.window = atoi(optarg); break;
    case 'r': options.rate = atof(optarg); break;
    case 't': options.seconds = atof(optarg); break;
    case 'c': options.count = atoi(optarg); break;
    case 'p': options.password = optarg; break;
    case 'd': options.domain = optarg; break;
    case 'T': options.connections = atoi(optarg); break;
    case 'h': options.hold = atoll(optarg) * 1000; break;
    case 'H': options.hold_until_told = true; break;
    case 'R': options.refresh = true; break;
    case 'n': options.no_register = true; break;
    case 'S': options.stay = true; break;
    case 'a': options.audio = optarg; break;
    case 'o': options.own_port = (in_port_t)atoi(optarg); break;
    default: usage();
    }
}

static const struct option long_options[] = {
    {"server", 1, NULL, 's'},   {"users", 1, NULL, 'u'},       {"first", 1, NULL, 'f'},
    {"window", 1, NULL, 'w'},   {"rate", 1, NULL, 'r'},        {"seconds", 1, NULL, 't'},
    {"count", 1, NULL, 'c'},    {"password", 1, NULL, 'p'},    {"domain", 1, NULL, 'd'},
    {"tcp", 1, NULL, 'T'},      {"hold", 1, NULL, 'h'},        {"hold-until-told", 0, NULL, 'H'},
    {"refresh", 0, NULL, 'R'},  {"no-register", 0, NULL, 'n'}, {"stay", 0, NULL, 'S'},
    {"own-port", 1, NULL, 'o'}, {"audio", 1, NULL, 'a'},     {NULL, 0, NULL, 0},
};

static void take_options(int argc, char **argv) {
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) take_option(option);
    bool fits = options.window >= 1 && options.window <= MAX_OPERATIONS && options.count <= MAX_OPERATIONS * 1000;
    if (!options.host || options.users < 2 || !fits || options.connections < 0) usage();
    if (options.hold_until_told && (options.count < 1 || options.count > MAX_OPERATIONS)) usage();
    /* A held call keeps its place in the window, so all of them must fit into it. */
    if (options.hold_until_told && options.rate <= 0 && options.window < options.count) usage();
    /* The audio of a call is known by the address of its phone, which over TCP many share. */
    if (options.audio && (options.connections > 0 || !options.hold_until_told)) usage();
    if (!options.domain) options.domain = options.host;
}

static struct kind calls(void) {
    int pairs = options.users / 2;
    if (!options.no_register) register_called(pairs, pairs);
    return (struct kind){call_begin, call_response, 0, pairs, pairs};
}

int main(int argc, char **argv) {
    bool is_call = argc > 1 && strcmp(argv[1], "call") == 0;
    if (argc < 2 || (!is_call && strcmp(argv[1], "register") != 0)) usage();
    take_options(argc - 1, argv + 1);
    make_phones();
    if (options.audio) audio_read();
    engine_prepare();
    network_open(options.host, options.port, options.own_port, options.connections);
    struct kind kind = {register_begin, register_response, 0, options.users, 0};
    if (is_call) kind = calls();
    engine_ask("ready");
    int64_t us = engine_run(kind);
    if (is_call) engine_drain();
    result_print(us);
    if (options.stay) engine_ask("staying");
    return counts.failed > 0;
}
