#include "greeting.h"

#include <stdio.h>
#include <string.h>

int main(void) {
    char line[64];
    if (strcmp(greet(line, sizeof line, "Ada"), GREETING ", Ada!") != 0)
        return 1;
    if (strcmp(shout(line + strlen(line) - 4), "ADA!") != 0)
        return 2;
    puts("greeting: 2 checks passed");
    return 0;
}
