#include "md5.h"

#include <stdint.h>
#include <string.h>

struct state {
    uint32_t a, b, c, d;
    uint64_t bytes;
    uint8_t block[64];
};

/* RFC 1321 §3.4: floor(2^32 * abs(sin(i + 1))). */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t mixed(int round, uint32_t b, uint32_t c, uint32_t d) {
    switch (round) {
    case 0: return (b & c) | (~b & d);
    case 1: return (d & b) | (~d & c);
    case 2: return b ^ c ^ d;
    default: return c ^ (b | ~d);
    }
}

static int word_of(int round, int step) {
    switch (round) {
    case 0: return step;
    case 1: return (5 * step + 1) % 16;
    case 2: return (3 * step + 5) % 16;
    default: return (7 * step) % 16;
    }
}

static void digest_block(struct state *s) {
    uint32_t words[16], a = s->a, b = s->b, c = s->c, d = s->d;
    memcpy(words, s->block, sizeof words); /* little-endian machines only, as are all that this measures */
    for (int i = 0; i < 64; i++) {
        int round = i / 16, turn = turns[round][i % 4];
        uint32_t sum = a + mixed(round, b, c, d) + sines[i] + words[word_of(round, i)];
        a = d, d = c, c = b;
        b += sum << turn | sum >> (32 - turn);
    }
    s->a += a, s->b += b, s->c += c, s->d += d;
}

static void add(struct state *s, const void *data, size_t length) {
    const uint8_t *from = data;
    while (length > 0) {
        size_t used = s->bytes % 64, room = 64 - used, taken = length < room ? length : room;
        memcpy(s->block + used, from, taken);
        s->bytes += taken, from += taken, length -= taken;
        if (taken == room) digest_block(s);
    }
}

static void finish(struct state *s, char hex[MD5_HEX]) {
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->bytes * 8;
    size_t used = s->bytes % 64;
    add(s, padding, used < 56 ? 56 - used : 120 - used);
    add(s, &bits, 8);
    const uint32_t words[4] = {s->a, s->b, s->c, s->d};
    for (int i = 0; i < 16; i++) {
        uint8_t byte = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
        hex[2 * i] = "0123456789abcdef"[byte >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    hex[32] = 0;
}

void md5_of(char hex[MD5_HEX], const char *const *parts) {
    struct state s = {.a = 0x67452301, .b = 0xefcdab89, .c = 0x98badcfe, .d = 0x10325476};
    for (const char *const *part = parts; *part; part++) {
        if (part != parts) add(&s, ":", 1);
        add(&s, *part, strlen(*part));
    }
    finish(&s, hex);
}
