// Looks variables up in every way there is. Prints what came of it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *shown(const char *value) { return value ? value : "none"; }
static volatile int heard;
static void hear(int signal) { heard += getenv("IN_HANDLER") == NULL; }
static void *thread(void *unused) { return getenv("IN_THREAD"); }

// A name that ends where its page does, before one that can't be read.
static char *at_the_end(const char *name) {
  size_t page = sysconf(_SC_PAGESIZE), length = strlen(name) + 1;
  char *pages = mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(pages + page, page, PROT_NONE);
  return memcpy(pages + page - length, name, length);
}

static void looks_up(void) {
  static char longest[256], too_long[257];
  memset(longest, 'L', 255), memset(too_long, 'M', 256);
  printf("%s %s %s\n", shown(getenv("SET")), shown(getenv("EMPTY")), shown(getenv("PLAIN")));
  printf("%s %s\n", shown(secure_getenv("SECURE")), shown(secure_getenv("SET")));
  printf("%s %s\n", shown(getenv("")), shown(getenv("SET=x")));
  printf("%s %s\n", shown(getenv(longest)), shown(getenv(too_long)));
  const char *lengths[] = {"A", "AB", "ABC", "ABCDEFG", "ABCDEFGH", "ABCDEFGHI"};
  for (int i = 0; i < 6; i++) printf("%s ", shown(getenv(at_the_end(lengths[i]))));
  char *(*found)(const char *) = (char *(*)(const char *))dlsym(RTLD_DEFAULT, "getenv");
  Dl_info info;
  dladdr((void *)found, &info);
  printf("%s %d %s\n", shown(found("BY_POINTER")), found == getenv, info.dli_sname);
  setenv("MADE_HERE", "here", 1);
  printf("%s\n", shown(getenv("MADE_HERE")));
  signal(SIGUSR1, hear);
  for (int i = 0; i < 10; i++) raise(SIGUSR1);
  pthread_t other;
  void *result = "";
  pthread_create(&other, 0, thread, 0);
  pthread_join(other, &result);
  printf("%d %s\n", heard, shown(result));
  fflush(stdout);
  if (fork() == 0) _exit(getenv("IN_CHILD") != NULL);
  wait(0);
  if (vfork() == 0) _exit(getenv("IN_BORROWER") != NULL);
  wait(0);
  for (int i = 0; i < 100000; i++) heard += getenv("OFTEN") == NULL;
  clearenv();
  printf("%s %d\n", shown(getenv("CLEARED")), getenv(NULL) == NULL);
}

static void opens(void) { fclose(fopen("f", "r")); }

int main(int count, char **arguments) {
  if (strcmp(arguments[1], "looks_up") == 0) looks_up();
  else puts("nothing");
  opens();
  return 0;
}
