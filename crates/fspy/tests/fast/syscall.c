// Calls made by libc's function `syscall`: those that look, and those that come back twice, on another
// stack, or never. Each case prints what it found.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static long count;

#ifdef FROM_STACK
// The same calls, by the functions of `libc.c` whose numbers are on the stack.
typedef long made(long, long, long, long, long, long, long);
made from_stack, from_far;
static long by_stack(long number, long a, long b, long c, long d, long e, long f) {
  long result = (number % 2 ? from_stack : from_far)(a, b, c, d, e, f, number);
  if ((unsigned long)result <= -4096UL) return result;
  errno = -result;
  return -1;
}
#define PADDED(n, a, b, c, d, e, f, ...) \
  by_stack(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define syscall(...) PADDED(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#endif

// `printf` has it made, and says how it went.
#define SAY(...) (errno = 0, printf("%d ", syscall(__VA_ARGS__) < 0 ? -1 : 0), printf("%d\n", errno))

/// Every call that looks, at one path.
static void looks_at(const char *path) {
  struct stat s;
  struct statx x;
  char buffer[64];
  s.st_size = x.stx_size = 0;
  SAY(SYS_open, path, O_RDONLY);
  SAY(SYS_openat, AT_FDCWD, path, O_RDONLY);
  SAY(SYS_openat, -7, path, O_RDONLY);
  SAY(SYS_stat, path, &s);
  SAY(SYS_lstat, path, &s);
  SAY(SYS_newfstatat, AT_FDCWD, path, &s, 0);
  SAY(SYS_newfstatat, 1, path, &s, AT_EMPTY_PATH);
  SAY(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x);
  SAY(SYS_statx, AT_FDCWD, path, 0, STATX_SIZE, &x);
  SAY(SYS_access, path, R_OK);
  SAY(SYS_faccessat, AT_FDCWD, path, R_OK);
  SAY(SYS_faccessat2, AT_FDCWD, path, R_OK, 0);
  SAY(SYS_readlink, path, buffer, 64);
  SAY(SYS_readlinkat, AT_FDCWD, path, buffer, 64);
  // What the program gets is what there is.
  printf("%ld %ld\n", (long)s.st_size, (long)x.stx_size);
}

static void looks(void) {
  char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  memset(page, 'x', 4096);
  symlink("g", "l");
  const char *paths[] = {"f", "l", "d", "none", "f/x", "", 0, (char *)8, page + 4000, (char *)-1};
  for (int i = 0; i < 10; i++) looks_at(paths[i]);
  SAY(SYS_stat, "f", 8);
  SAY(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, 8);
  char buffer[4096];
  int d = open("d", O_RDONLY | O_DIRECTORY);
  printf("%d ", syscall(SYS_getdents64, d, buffer, 4096) > 0);
  printf("%ld\n", syscall(SYS_getdents64, d, buffer, 4096));
  SAY(SYS_getdents64, d, 8, 4096);
  SAY(SYS_getdents64, -1, buffer, 4096);
}

/// Paths that nothing is at, each by another call, and a directory that is listed.
static void many(void) {
  struct stat s;
  struct statx x;
  char name[32], buffer[4096];
  for (long i = 0; i < count; i++) {
    sprintf(name, "n%ld", i);
    switch (i % 12) {
      case 0: syscall(SYS_open, name, O_RDONLY); break;
      case 1: syscall(SYS_openat, AT_FDCWD, name, O_RDONLY); break;
      case 2: syscall(SYS_stat, name, &s); break;
      case 3: syscall(SYS_lstat, name, &s); break;
      case 4: syscall(SYS_newfstatat, AT_FDCWD, name, &s, 0); break;
      case 5: syscall(SYS_statx, AT_FDCWD, name, 0, STATX_BASIC_STATS, &x); break;
      case 6: syscall(SYS_access, name, R_OK); break;
      case 7: syscall(SYS_faccessat, AT_FDCWD, name, R_OK); break;
      case 8: syscall(SYS_faccessat2, AT_FDCWD, name, R_OK, 0); break;
      case 9: syscall(SYS_readlink, name, buffer, 64); break;
      case 10: syscall(SYS_readlinkat, AT_FDCWD, name, buffer, 64); break;
      default: {
        int d = syscall(SYS_openat, AT_FDCWD, "/usr", O_RDONLY | O_DIRECTORY);
        while (syscall(SYS_getdents64, d, buffer, 4096) > 0);
        close(d);
      }
    }
  }
}

static void others(void) {
  char page[64] = "";
  struct stat s;
  printf("%d\n", syscall(SYS_getpid) == getpid());
  int made = syscall(SYS_openat, AT_FDCWD, "made", O_CREAT | O_WRONLY, 0640);
  printf("%d %ld\n", made >= 0, (long)syscall(SYS_write, made, "made", 4));
  SAY(SYS_openat, AT_FDCWD, "made", O_CREAT | O_EXCL | O_WRONLY, 0640);
  SAY(SYS_rename, "d", "moved");
  SAY(SYS_stat, "d/x", &s);
  SAY(SYS_stat, "moved/x", &s);
  SAY(SYS_chdir, "moved");
  SAY(SYS_stat, "y", &s);
  SAY(SYS_chdir, "..");
  // The sixth argument lies on the stack.
  int library = open("/proc/self/exe", O_RDONLY);
  long mapped = syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, library, 4096);
  pread(library, page, 64, 4096);
  printf("%d\n", memcmp((char *)mapped, page, 64));
  // Numbers that are none, and such as are one in their lower half.
  SAY(-1L, "f", &s);
  SAY(440L + 5000, "f", &s);
  SAY(SYS_stat | 1L << 32, "g", &s);
  SAY(SYS_stat | -1L << 32, "e/z", &s);
  SAY(SYS_getpid | 1L << 32);
}

static struct stat seen;

// vfork: the child has its parent's stack, so it keeps away from the way back.
int vforks_and_exits(const char *path, struct stat *s);
asm(".text\nvforks_and_exits:\n push %rbx\n push %r12\n sub $8, %rsp\n mov %rdi, %rbx\n"
    "mov %rsi, %r12\n mov $58, %edi\n call syscall@PLT\n test %eax, %eax\n jnz 1f\n"
    "sub $512, %rsp\n mov $4, %edi\n mov %rbx, %rsi\n mov %r12, %rdx\n call syscall@PLT\n"
    "lea 7(%rax), %rsi\n mov $60, %edi\n call syscall@PLT\n ud2\n"
    "1: add $8, %rsp\n pop %r12\n pop %rbx\n ret\n");

// What the function returns to lies on the new stack.
long clones(long number, long flags, void *stack);
asm("clones:\n lea 1f(%rip), %rax\n mov %rax, (%rdx)\n xor %ecx, %ecx\n xor %r8d, %r8d\n"
    "xor %r9d, %r9d\n sub $8, %rsp\n call syscall@PLT\n add $8, %rsp\n ret\n"
    "1: call in_clone\n ud2\n");
__attribute__((used)) static void in_clone(void) {
  struct stat s;
  // Whoever shares memory with it shares `errno`, and waits.
  long found = syscall(SYS_stat, "e/z", &s) + syscall(SYS_stat, "e/none", &s);
  syscall(SYS_exit, found == -1 && s.st_size ? 9 : 1);
}

static void ended(const char *how) {
  int status = 0;
  pid_t child = waitpid(-1, &status, __WALL);
  printf("%s %d %d\n", how, child > 0, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void twice(void) {
  static char stack[65536] __attribute__((aligned(16)));
  char *top = stack + sizeof stack - 8;
  syscall(SYS_stat, "f", &seen);
  printf("%d\n", vforks_and_exits("g", &seen) > 0), ended("vfork");
  printf("%ld\n", (long)seen.st_size);
  fflush(stdout);
  if (syscall(SYS_fork) == 0) syscall(SYS_exit, syscall(SYS_stat, "d/x", &seen) + 8);
  ended("fork");
  if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) in_clone();
  ended("clone");
  printf("%d\n", clones(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, top) > 0), ended("stack");
  printf("%d\n", clones(SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, top) > 0);
  ended("beside");
  struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  if (syscall(SYS_clone3, &args, sizeof args) == 0) in_clone();
  ended("clone3");
}

// Leaves its handler by `syscall`, which finds the frame on the stack.
void sigreturns(int);
asm("sigreturns:\n incl handled(%rip)\n add $8, %rsp\n mov $15, %edi\n jmp syscall@PLT\n");
int handled;
static void never(void) {
  struct sigaction action = {.sa_handler = sigreturns};
  sigaction(SIGUSR1, &action, 0);
  for (int i = 0; i < 100; i++) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
  printf("%d\n", handled);
  fflush(stdout);
  syscall(SYS_exit_group, 5);
}

static long looked, wrong;
static void tick(int signal) {
  int error = errno;
  struct stat s;
  looked++;
  wrong += syscall(SYS_stat, "g", &s) != 0 || syscall(SYS_getuid) != (long)getuid();
  errno = error;
}
static void interrupted(void) {
  struct sigaction action = {.sa_handler = tick};
  struct itimerval timer = {{0, 300}, {0, 300}}, none = {{0, 0}, {0, 0}};
  struct statx x;
  pid_t pid = getpid();
  sigaction(SIGALRM, &action, 0);
  setitimer(ITIMER_REAL, &timer, 0);
  for (long i = 0; i < count; i++) {
    wrong += syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x) != 0;
    wrong += syscall(SYS_statx, AT_FDCWD, "none", 0, STATX_BASIC_STATS, &x) != -1 || errno != ENOENT;
    wrong += syscall(SYS_getpid) != pid;
  }
  setitimer(ITIMER_REAL, &none, 0);
  printf("%ld wrong, interrupted: %s\n", wrong, looked ? "yes" : "no");
}

static int cleaned;
static void clean(void *unused) { cleaned++; }
static void *blocks(void *number) {
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
  pthread_cleanup_push(clean, 0);
  syscall((long)number, (long)number == SYS_open ? "p" : 0, O_RDONLY);
  pthread_cleanup_pop(0);
  return 0;
}
static void *leaves(void *unused) { return (void *)syscall(SYS_exit, 0); }
static void cancelled(void) {
  pthread_t thread;
  void *result;
  mkfifo("p", 0600);
  long numbers[] = {SYS_open, SYS_pause};
  for (int i = 0; i < 2; i++) {
    pthread_create(&thread, 0, blocks, (void *)numbers[i]);
    usleep(50000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("%s, %d\n", result == PTHREAD_CANCELED ? "cancelled" : "ended", cleaned);
  }
  pthread_create(&thread, 0, leaves, 0);
  pthread_join(thread, 0);
  puts("left");
}

int main(int argc, char **argv) {
  count = argc > 2 ? atol(argv[2]) : 1;
#define CASE(name) if (!strcmp(argv[1], #name)) return name(), 0
  CASE(looks);
  CASE(many);
  CASE(others);
  CASE(twice);
  CASE(never);
  CASE(interrupted);
  CASE(cancelled);
  return 2;
}
