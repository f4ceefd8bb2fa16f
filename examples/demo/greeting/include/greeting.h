#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>

#define GREETING "Hello"

/* Writes a greeting for `name` into `out`, which holds `size` bytes; returns `out`. */
char *greet(char *out, size_t size, const char *name);

/* Turns `text` into capitals, in place; returns it. */
char *shout(char *text);

#endif
