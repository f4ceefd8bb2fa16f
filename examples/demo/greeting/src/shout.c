#include <ctype.h>

char *shout(char *text) {
    for (char *at = text; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return text;
}
