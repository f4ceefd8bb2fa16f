#include "greeting.h"

#include <stdio.h>

int main(int argc, char **argv) {
    char line[256];
    for (int i = 1; i < argc; i++)
        puts(greet(line, sizeof line, argv[i]));
    return 0;
}
