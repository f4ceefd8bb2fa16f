// What other builds of libc do where any call is made: `syscall` begins with `endbr64` and ends with a
// long branch, and calls that can be cancelled take their number from the stack (glibc 2.41 on).
asm(".text\n.globl syscall, from_stack, from_far\n"
    ".type syscall, @function\n.type from_stack, @function\n.type from_far, @function\n"
    "syscall:\n endbr64\n mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n"
    "mov %r8, %r10\n mov %r9, %r8\n mov 8(%rsp), %r9\n syscall\n cmp $-4095, %rax\n"
    ".byte 0x0f, 0x83\n .long 1f - . - 4\n ret\n"
    "1: neg %eax\n push %rax\n call __errno_location@PLT\n pop %rcx\n mov %ecx, (%rax)\n"
    "or $-1, %rax\n ret\n"
    // Six arguments and the number.
    "from_stack:\n push %rbx\n mov %rcx, %r10\n test %rsp, %rsp\n jne 1f\n ud2\n"
    "1: mov 16(%rsp), %rax\n syscall\n pop %rbx\n ret\n"
    "from_far:\n sub $24, %rsp\n mov %rcx, %r10\n mov 32(%rsp), %rax\n syscall\n add $24, %rsp\n"
    "ret\n");
