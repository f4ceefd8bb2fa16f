// Runs a program under a filter that refuses what its first argument names, as sandboxes do.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __aarch64__
#define NATIVE AUDIT_ARCH_AARCH64
#else
#define NATIVE AUDIT_ARCH_X86_64
#endif
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

int main(int argc, char **argv) {
  struct sock_filter code[64];
  int n = 0;
  if (argc < 3) return 2;
  // Numbers mean other calls to 32-bit programs.
  code[n++] = (struct sock_filter)LOAD(arch);
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
  code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
  code[n++] = (struct sock_filter)LOAD(nr);
  for (char *what = strtok(argv[1], ","); what; what = strtok(0, ",")) {
    int number = !strcmp(what, "seccomp") || !strcmp(what, "listener") ? SYS_seccomp
                 : !strcmp(what, "ptrace")                             ? SYS_ptrace
                 : !strcmp(what, "process_vm_readv")                   ? SYS_process_vm_readv
                                                                       : -1;
    if (number < 0) return 2;
    if (!strcmp(what, "listener")) {
      // gVisor has filters, and no listeners.
      code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
      code[n++] = (struct sock_filter)LOAD(args[1]);
      code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0, 1);
      code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | EINVAL);
      code[n++] = (struct sock_filter)LOAD(nr);
    } else {
      code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
      code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | EPERM);
    }
  }
  code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
  struct sock_fprog program = {n, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    perror("filter");
    return 3;
  }
  execv(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
