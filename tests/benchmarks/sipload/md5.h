/* MD5 (RFC 1321), which digest authentication asks for. Nothing here is meant to be safe against anybody. */
#ifndef SIPLOAD_MD5_H
#define SIPLOAD_MD5_H

#include <stddef.h>

enum { MD5_HEX = 33 }; /* 32 digits and a zero byte */

/* The hash of all parts with a colon between each two of them, in lower-case hexadecimal. The list ends with NULL. */
void md5_of(char hex[MD5_HEX], const char *const *parts);

#endif
