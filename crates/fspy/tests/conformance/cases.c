/* The calls of the conformance cases: one function a case, run by name in the current directory. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

#ifndef __GLIBC__ /* musl */
#define FTW_CHDIR 0
#define posix_fallocate(fd, at, length) fallocate(fd, 0, at, length)
static const char *strerrorname_np(int error) {
  static const struct { int error; const char *name; } names[] = {
    {EACCES, "EACCES"}, {EBADF, "EBADF"}, {EEXIST, "EEXIST"}, {EFAULT, "EFAULT"}, {EINVAL, "EINVAL"}, {EISDIR, "EISDIR"},
    {ELOOP, "ELOOP"}, {ENAMETOOLONG, "ENAMETOOLONG"}, {ENODATA, "ENODATA"}, {ENOENT, "ENOENT"}, {ENOEXEC, "ENOEXEC"},
    {ENOSYS, "ENOSYS"}, {ENOTDIR, "ENOTDIR"}, {ENOTEMPTY, "ENOTEMPTY"}, {ENXIO, "ENXIO"}, {EOPNOTSUPP, "EOPNOTSUPP"},
    {EPERM, "EPERM"}, {EXDEV, "EXDEV"}, {EINTR, "EINTR"}, {ECONNREFUSED, "ECONNREFUSED"}};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) if (names[i].error == error) return names[i].name;
  return "another error";
}
#endif

/* Prints what a call returned, or the name of its error. */
static void say(long result) {
  if (result < 0) printf("%s\n", strerrorname_np(errno));
  else printf("ok\n");
}

static struct { const char *name; void (*run)(void); } cases[256];
static unsigned count;

#define CASE(which) \
  static void case_##which(void); \
  __attribute__((constructor)) static void add_##which(void) { cases[count].name = #which; cases[count++].run = case_##which; } \
  static void case_##which(void)

CASE(open_read) { say(open("f", O_RDONLY)); }
CASE(open_missing) { say(open("nope", O_RDONLY)); }
CASE(open_missing_deep) { say(open("a/b/c", O_RDONLY)); }
CASE(open_through_file) { say(open("f/x", O_RDONLY)); }
CASE(open_loop) { say(open("a", O_RDONLY)); }
CASE(open_empty) { say(open("", O_RDONLY)); }
CASE(open_too_long) { char n[301]; memset(n, 'x', 300); n[300] = 0; say(open(n, O_RDONLY)); }
CASE(open_path_too_long) { char n[5001]; memset(n, '/', 5000); n[5000] = 0; say(open(n, O_RDONLY)); }
CASE(open_dots) { say(open(".//x/../f", O_RDONLY)); }
CASE(open_bytes) { say(open("new\nline\xff", O_RDONLY)); }
CASE(create) { say(open("n", O_WRONLY | O_CREAT, 0644)); }
CASE(create_rdwr) { say(open("n", O_RDWR | O_CREAT, 0644)); }
CASE(create_read) { say(open("f", O_RDONLY | O_CREAT, 0644)); }
CASE(create_excl) { say(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644)); }
CASE(create_excl_link) { say(open("l", O_WRONLY | O_CREAT | O_EXCL, 0644)); }
CASE(create_in_missing) { say(open("d/n", O_WRONLY | O_CREAT, 0644)); }
CASE(open_trunc) { say(open("f", O_WRONLY | O_TRUNC)); }
CASE(open_rdwr_trunc) { say(open("f", O_RDWR | O_TRUNC)); }
CASE(create_trunc) { say(open("f", O_WRONLY | O_TRUNC | O_CREAT, 0644)); }
CASE(create_write) { say(open("f", O_WRONLY | O_CREAT, 0644)); }
CASE(write_then_truncate) { int fd = open("f", O_WRONLY | O_CREAT, 0644); say(ftruncate(fd, 0)); }
CASE(open_rdwr) { say(open("f", O_RDWR)); }
CASE(open_write) { say(open("f", O_WRONLY)); }
CASE(open_append) { say(open("f", O_WRONLY | O_APPEND)); }
CASE(open_nofollow) { say(open("l", O_RDONLY | O_NOFOLLOW)); }
CASE(open_dir) { say(open("d", O_RDONLY)); }
CASE(open_dir_write) { say(open("d", O_WRONLY)); }
CASE(open_directory_flag) { say(open("f", O_RDONLY | O_DIRECTORY)); }
CASE(tmpfile_link) {
  int fd = open(".", O_TMPFILE | O_RDWR, 0644); char p[64];
  sprintf(p, "/proc/self/fd/%d", fd); say(linkat(AT_FDCWD, p, AT_FDCWD, "n", AT_SYMLINK_FOLLOW)); }
CASE(tmpfile_link_empty) { int fd = open(".", O_TMPFILE | O_RDWR, 0644); say(linkat(fd, "", AT_FDCWD, "n", AT_EMPTY_PATH)); }
CASE(path_then_proc) { int fd = open("f", O_PATH); char p[64]; sprintf(p, "/proc/self/fd/%d", fd); say(open(p, O_RDONLY)); }
CASE(creat) { say(creat("n", 0644)); }
CASE(creat_existing) { say(creat("f", 0644)); }
CASE(openat_dir) { int d = open("d", O_RDONLY | O_DIRECTORY); say(openat(d, "f", O_RDONLY)); }
CASE(openat_moved_dir) { int d = open("d", O_RDONLY | O_DIRECTORY); rename("d", "e"); say(openat(d, "f", O_RDONLY)); }
CASE(openat_file) { int f = open("f", O_RDONLY); say(openat(f, "x", O_RDONLY)); }
static long how(int dir, const char *path, unsigned long flags, unsigned long resolve) {
  struct open_how h = {.flags = flags, .resolve = resolve}; return syscall(SYS_openat2, dir, path, &h, sizeof h); }
CASE(openat2_beneath) { int d = open("d", O_PATH); say(how(d, "f", O_RDONLY, RESOLVE_BENEATH)); say(how(d, "../f", O_RDONLY, RESOLVE_BENEATH)); say(how(d, "/f", O_RDONLY, RESOLVE_BENEATH)); }
CASE(openat2_in_root) { int d = open("d", O_PATH); say(how(d, "/../f", O_RDONLY, RESOLVE_IN_ROOT)); }
CASE(openat2_no_symlinks) { say(how(AT_FDCWD, "l", O_RDONLY, RESOLVE_NO_SYMLINKS)); }
CASE(openat2_plain) { say(how(AT_FDCWD, "n", O_WRONLY | O_CREAT, 0)); }
CASE(handle) {
  struct { struct file_handle h; char room[128]; } h = {.h.handle_bytes = 128}; int mount;
  if (name_to_handle_at(AT_FDCWD, "f", &h.h, &mount, 0) < 0) { say(-1); return; }
  say(open_by_handle_at(AT_FDCWD, &h.h, O_RDONLY)); }
CASE(fifo) { say(open("p", O_RDWR | O_NONBLOCK)); }

CASE(chdir_open) { chdir("d"); say(open("f", O_RDONLY)); }
CASE(fchdir_open) { int d = open("d", O_RDONLY); fchdir(d); say(open("f", O_RDONLY)); }
static void *chdir_thread(void *p) { chdir("d"); return p; }
CASE(chdir_in_thread) { pthread_t t; pthread_create(&t, 0, chdir_thread, 0); pthread_join(t, 0); say(open("f", O_RDONLY)); }
static void *unshared(void *p) { if (unshare(CLONE_FS)) say(-1); chdir("d"); say(open("f", O_RDONLY)); return p; }
CASE(unshare_fs_thread) { pthread_t t; pthread_create(&t, 0, unshared, 0); pthread_join(t, 0); say(open("f", O_RDONLY)); }
static int chdir_child(void *p) { chdir("d"); return 0; }
CASE(clone_fs) { static char stack[65536]; int pid = clone(chdir_child, stack + 65536, CLONE_FS | SIGCHLD, 0); waitpid(pid, 0, 0); say(open("f", O_RDONLY)); }
CASE(spawn_chdir) {
  posix_spawn_file_actions_t a; posix_spawn_file_actions_init(&a); posix_spawn_file_actions_addchdir_np(&a, "d");
  posix_spawn_file_actions_addopen(&a, 5, "f", O_RDONLY, 0); char *argv[] = {"true", 0}; pid_t pid;
  errno = posix_spawn(&pid, "/bin/true", &a, 0, argv, environ); say(errno ? -1 : 0); waitpid(pid, 0, 0); }
CASE(chroot_open) { say(chroot("d")); say(open("/f", O_RDONLY)); }
CASE(cwd_deleted) { mkdir("d", 0755); chdir("d"); char up[4096]; rmdir("../d"); say(open("x", O_RDONLY)); }
CASE(proc_cwd) { say(open("/proc/self/cwd/f", O_RDONLY)); }
CASE(dev_fd) { int fd = open("f", O_PATH); char p[64]; sprintf(p, "/dev/fd/%d", fd); say(open(p, O_RDONLY)); }

CASE(stat) { struct stat s; say(stat("f", &s)); }
CASE(stat_missing) { struct stat s; say(stat("nope", &s)); }
CASE(stat_dir) { struct stat s; say(stat("d", &s)); }
CASE(stat_link) { struct stat s; say(stat("l", &s)); }
CASE(lstat_link) { struct stat s; say(lstat("l", &s)); }
CASE(fstatat_nofollow) { struct stat s; say(fstatat(AT_FDCWD, "l", &s, AT_SYMLINK_NOFOLLOW)); }
CASE(statx) { char s[256]; say(syscall(SYS_statx, AT_FDCWD, "f", 0, 0xfff, s)); }
CASE(fstat_only) { struct stat s; int fd = open("f", O_RDONLY); say(fstat(fd, &s)); }
CASE(access_all) { say(access("f", F_OK)); say(access("g", R_OK)); say(access("h", W_OK | X_OK)); say(access("nope", F_OK)); }
CASE(faccessat2) { say(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS)); say(syscall(SYS_faccessat2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW)); }
CASE(readlink) { char b[99]; say(readlink("l", b, 99)); }
CASE(readlink_file) { char b[99]; say(readlink("f", b, 99)); }
CASE(realpath) { char b[4096]; say(realpath("a", b) ? 0 : -1); }
CASE(open_link) { say(open("l", O_RDONLY)); }
CASE(open_linked_dir) { say(open("l/f", O_RDONLY)); }
CASE(create_dangling) { say(open("l", O_WRONLY | O_CREAT, 0644)); }
CASE(retarget) { char b[99]; readlink("l", b, 99); unlink("l"); say(symlink("g", "l")); }
CASE(list) { DIR *d = opendir("."); while (readdir(d)); say(0); }
CASE(fdlist) { int fd = open("d", O_RDONLY); DIR *d = fdopendir(fd); while (readdir(d)); say(0); }
CASE(list_raw) { char b[4096]; int fd = open("d", O_RDONLY | O_DIRECTORY); say(syscall(SYS_getdents64, fd, b, sizeof b)); }
CASE(list_half) { char b[64]; int fd = open("d", O_RDONLY | O_DIRECTORY); long n, all = 0; while ((n = syscall(SYS_getdents64, fd, b, sizeof b)) > 0) for (long at = 0; at < n; at += *(unsigned short *)(b + at + 16)) all++; printf("%ld entries\n", all); }
CASE(directory_only) { say(open("d", O_RDONLY | O_DIRECTORY)); }
CASE(glob) { glob_t g; say(glob("*.h", 0, 0, &g) ? -1 : 0); }
static int visit(const char *p, const struct stat *s, int t, struct FTW *f) { return 0; }
CASE(nftw) { say(nftw("d", visit, 9, FTW_CHDIR | FTW_PHYS)); }
CASE(scandir) { struct dirent **l; say(scandir("d", &l, 0, alphasort)); }
CASE(getxattr) { char b[9]; say(getxattr("f", "user.none", b, 9)); }
CASE(statfs) { struct statfs s; say(statfs("f", &s)); }

CASE(rename_over) { int fd = open("t", O_WRONLY | O_CREAT | O_EXCL, 0644); close(fd); say(rename("t", "f")); }
CASE(rename_tree) { say(rename("d", "e")); }
CASE(rename_exchange) { say(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "g", 2)); }
CASE(rename_exchange_dirs) { say(syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "e", 2)); }
CASE(rename_noreplace) { say(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "g", 1)); }
CASE(rename_missing) { say(rename("nope", "g")); }
CASE(rename_same) { say(rename("f", "f")); }
CASE(rename_into_missing) { say(rename("f", "a/b")); }
CASE(rename_dir_over_file) { say(rename("d", "f")); }
CASE(rename_dir_over_full) { say(rename("d", "e")); }
CASE(rename_elsewhere) { char p[64]; sprintf(p, "/dev/shm/taskrunner-test-%d", getpid()); say(rename("f", p)); unlink(p); }
CASE(create_unlink) { close(open("n", O_WRONLY | O_CREAT, 0644)); say(unlink("n")); }
CASE(unlink) { say(unlink("f")); }
CASE(unlink_missing) { say(unlink("nope")); }
CASE(unlink_dir) { say(unlink("d")); }
CASE(unlink_recreate) { unlink("f"); say(open("f", O_WRONLY | O_CREAT, 0644)); }
CASE(link_read) { link("f", "n"); say(open("n", O_RDONLY)); }
CASE(link_existing) { say(link("f", "g")); }
CASE(link_missing) { say(link("nope", "n")); }
CASE(link_own) { close(open("a", O_WRONLY | O_CREAT, 0644)); say(link("a", "b")); }
CASE(symlink) { say(symlink("nowhere", "n")); }
CASE(symlink_existing) { say(symlink("nowhere", "f")); }
CASE(mkdir_p) { say(mkdir("d", 0755)); say(mkdir("d/e", 0755)); say(mkdir("d/e/f", 0755)); }
CASE(mkdir_slash) { say(mkdir("n/", 0755)); }
CASE(rmdir) { say(rmdir("d")); }
CASE(rmdir_full) { say(rmdir("d")); }
CASE(rmdir_file) { say(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR)); }
CASE(mkfifo) { say(mkfifo("p", 0644)); }
CASE(bind) { struct sockaddr_un a = {AF_UNIX, "s"}; say(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a)); }
CASE(open_socket) { struct sockaddr_un a = {AF_UNIX, "s"}; bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a); say(open("s", O_RDWR)); }
union passed { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; };
CASE(list_passed) {
  int pair[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, pair); char byte = 0; struct iovec body = {&byte, 1}; union passed p = {0};
  struct msghdr m = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = &p, .msg_controllen = sizeof p};
  if (!fork()) {
    p.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    *(int *)CMSG_DATA(&p.header) = open("d", O_RDONLY | O_DIRECTORY); sendmsg(pair[0], &m, 0); _exit(0); }
  wait(0); recvmsg(pair[1], &m, 0); DIR *d = fdopendir(*(int *)CMSG_DATA(&p.header)); if (!d) { say(-1); return; }
  while (readdir(d)); say(0); }
CASE(chmod_own) { int fd = open("n", O_WRONLY | O_CREAT, 0644); say(fchmod(fd, 0755)); }
CASE(chmod) { say(chmod("f", 0600)); }
CASE(chmod_then_write) { chmod("f", 0600); say(open("f", O_WRONLY)); }
CASE(fchmodat2) { say(syscall(452, AT_FDCWD, "f", 0600, 0)); }
CASE(chown) { say(chown("f", -1, -1)); say(fchownat(AT_FDCWD, "l", -1, -1, AT_SYMLINK_NOFOLLOW)); }
CASE(fchownat_empty) { int fd = open("f", O_PATH); say(fchownat(fd, "", -1, -1, AT_EMPTY_PATH)); }
CASE(touch) { say(utimensat(AT_FDCWD, "f", 0, 0)); }
CASE(futimens) { int fd = open("f", O_RDONLY); say(futimens(fd, 0)); }
CASE(setxattr) { long r = setxattr("f", "user.x", "y", 1, 0); say(r < 0 && errno == EOPNOTSUPP ? 0 : r); }
CASE(truncate) { say(truncate("f", 3)); say(truncate("g", 0)); }
CASE(ftruncate) { int fd = open("f", O_RDWR); say(ftruncate(fd, 0)); }
CASE(fallocate) { int fd = open("f", O_RDWR); posix_fallocate(fd, 0, 100); say(0); }
CASE(copy_file_range) { int a = open("f", O_RDONLY), b = open("n", O_WRONLY | O_CREAT, 0644); say(copy_file_range(a, 0, b, 0, 99, 0)); }
CASE(map_shared) { int fd = open("f", O_RDWR); char *p = mmap(0, 4, PROT_WRITE, MAP_SHARED, fd, 0); close(fd); *p = 'X'; say(0); }

CASE(execvp) { char *argv[] = {"prog", 0}; setenv("PATH", "one:two:three", 1); execvp("prog", argv); say(-1); }
CASE(execve_missing) { char *argv[] = {"nope", 0}; execve("./nope", argv, environ); say(-1); }
CASE(execve_plain_file) { char *argv[] = {"f", 0}; execve("./f", argv, environ); say(-1); }
CASE(vfork_failing_exec) { char *argv[] = {"nope", 0}; pid_t p = vfork(); if (!p) { execve("./nope", argv, environ); _exit(9); } int s; waitpid(p, &s, 0); printf("%d\n", WEXITSTATUS(s)); }
CASE(execveat_fd) { int fd = open("prog", O_RDONLY | O_CLOEXEC); char *argv[] = {"prog", 0}; syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH); say(-1); }
CASE(fexecve_memfd) {
  int in = open("/bin/true", O_RDONLY), fd = memfd_create("x", MFD_CLOEXEC); char b[65536]; long n;
  while ((n = read(in, b, sizeof b)) > 0) write(fd, b, n); char *argv[] = {"true", 0}; fexecve(fd, argv, environ); say(-1); }
static void *exec_in_thread(void *p) { char *argv[] = {"prog", 0}; execve("./prog", argv, environ); return p; }
CASE(exec_from_thread) { pthread_t t; pthread_create(&t, 0, exec_in_thread, 0); pthread_join(t, 0); say(-1); }
CASE(spawnp) { char *argv[] = {"prog", 0}; setenv("PATH", "one:two", 1); pid_t p; errno = posix_spawnp(&p, "prog", 0, 0, argv, environ); say(errno ? -1 : 0); waitpid(p, 0, 0); }

CASE(bad_pointers) {
  say(open((char *)8, O_RDONLY)); say(syscall(SYS_openat2, AT_FDCWD, "f", (void *)8, 24));
  say(rename("f", (char *)8)); say(execve((char *)8, 0, 0)); say(connect(0, (void *)8, 16)); }
CASE(page_end) {
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(p + 4096, 4096);
  p[4094] = 'f'; p[4095] = 0; say(open(p + 4094, O_RDONLY)); p[4095] = 'x'; say(open(p + 4094, O_RDONLY)); }
CASE(undumpable) { prctl(PR_SET_DUMPABLE, 0); say(open("f", O_RDONLY)); }
CASE(denied) { say(open("f", O_RDONLY)); say(open("d/n", O_WRONLY | O_CREAT, 0644)); say(unlink("d/g")); say(open("closed/x", O_RDONLY)); }
static volatile long ticks;
static void tick(int s) { ticks++; }
CASE(interrupted) {
  struct sigaction a = {.sa_handler = tick}; sigaction(SIGALRM, &a, 0);
  struct itimerval t = {{0, 500}, {0, 500}}; setitimer(ITIMER_REAL, &t, 0); struct stat s; long calls = 0, hit = 0;
  for (; calls < 100000; calls++) if (stat("f", &s) < 0 && errno == EINTR) hit++;
  t = (struct itimerval){0}; setitimer(ITIMER_REAL, &t, 0); printf("%ld of %ld calls interrupted by %ld signals\n", hit, calls, ticks); }
CASE(children) {
  struct sigaction a = {.sa_handler = tick}; sigaction(SIGCHLD, &a, 0); struct stat s; long hit = 0;
  for (int i = 0; i < 1000; i++) { pid_t p = fork(); if (!p) _exit(0); for (int j = 0; j < 20; j++) if (stat("f", &s) < 0) hit++; while (waitpid(p, 0, 0) < 0); }
  printf("%ld failed, handler called: %s\n", hit, ticks > 900 ? "yes" : "no"); }
CASE(close_all) { syscall(SYS_close_range, 3, ~0U, 0); say(open("f", O_RDONLY)); }
CASE(x32) { say(syscall(0x40000000 | SYS_openat, AT_FDCWD, "f", O_RDONLY)); }
CASE(io_uring) { char params[120] = {0}; say(syscall(425, 4, params)); }
CASE(uid_change) { say(setuid(65534)); say(open("f", O_RDONLY)); }
CASE(stdin_is_null) { char c; printf("%ld %d\n", (long)read(0, &c, 1), open("/dev/null", O_RDONLY)); }
#ifdef __x86_64__
CASE(int80) { long r; const char *p; p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  strcpy((char *)p, "f"); asm volatile("int $0x80" : "=a"(r) : "a"(5), "b"(p), "c"(O_RDONLY) : "memory", "r8", "r9", "r10", "r11"); printf(r < 0 ? "error\n" : "ok\n"); }
#endif
static int flood_file(int n) { char p[32]; sprintf(p, "d/%d", n); return open(p, O_RDONLY); }
static void *flood(void *p) { for (int i = 0; i < 100; i++) { int fd = flood_file((long)p * 100 + i); if (fd >= 0) close(fd); } return 0; }
CASE(threads) { pthread_t t[64]; for (long i = 0; i < 64; i++) pthread_create(&t[i], 0, flood, (void *)i); for (int i = 0; i < 64; i++) pthread_join(t[i], 0); say(0); }
static void *makes(void *p) { for (int i = 0; i < 400; i++) { char d[32]; sprintf(d, "%d", i); mkdir(d, 0755); } return 0; }
static void *makes_inside(void *p) { for (int i = 0; i < 400; i++) { char d[32]; sprintf(d, "%d/in", i); while (mkdir(d, 0755)) ; } return 0; }
CASE(mkdirs_at_once) { pthread_t a, b; pthread_create(&a, 0, makes, 0); pthread_create(&b, 0, makes_inside, 0); pthread_join(a, 0); pthread_join(b, 0); say(0); }
static volatile int forked;
static void forks(int s) { if (!fork()) { open("g", O_RDONLY); _exit(0); } wait(0); forked++; }
CASE(fork_in_handler) { struct sigaction a = {.sa_handler = forks, .sa_flags = SA_RESTART}; sigaction(SIGUSR1, &a, 0); raise(SIGUSR1); say(open("f", O_RDONLY)); }

static sigjmp_buf away;
static void leaps(int s) { open("f", O_RDONLY); siglongjmp(away, 1); }
CASE(jump_out_of_handler) { signal(SIGUSR1, leaps); if (!sigsetjmp(away, 1)) raise(SIGUSR1); say(open("f", O_RDONLY)); }
CASE(small_signal_stack) {
  static char small[8192]; stack_t s = {.ss_sp = small, .ss_size = sizeof small}; sigaltstack(&s, 0);
  struct sigaction a = {.sa_handler = forks, .sa_flags = SA_RESTART | SA_ONSTACK}; sigaction(SIGUSR1, &a, 0);
  close(open("g", O_WRONLY | O_CREAT, 0644)); raise(SIGUSR1); say(open("f", O_RDONLY)); }
static void *waits(void *p) { open("fifo", O_RDONLY); return 0; }
CASE(cancelled_open) {
  mkfifo("fifo", 0600); pthread_t t; void *r; pthread_create(&t, 0, waits, 0); usleep(20000);
  pthread_cancel(t); pthread_join(t, &r); say(r == PTHREAD_CANCELED ? open("f", O_RDONLY) : -1); }

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  for (unsigned i = 0; i < count; i++)
    if (argc > 1 && !strcmp(argv[1], cases[i].name)) { cases[i].run(); return 0; }
  fprintf(stderr, "no such case\n");
  return 2;
}
