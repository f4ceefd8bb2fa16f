#include "greeting.h"

#include <stdio.h>

char *greet(char *out, size_t size, const char *name) {
    snprintf(out, size, "%s, %s!", GREETING, name);
    return out;
}
