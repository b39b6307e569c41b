/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A system call as its entry and its exit show it: the kernel keeps number and
 * arguments in the saved registers until the thread is back in user space, so
 * the exit alone tells the whole operation and nothing has to be remembered
 * from the entry. Numbers are the kernel's stable interface (asm/unistd.h).
 */
#ifndef OOB_SYSCALLS_H
#define OOB_SYSCALLS_H

#include "kernel.h"

#if !defined(__TARGET_ARCH_x86)
#error "system call numbers and registers are known for x86-64 only"
#endif

enum system_call {
	SYS_READ = 0,
	SYS_WRITE = 1,
	SYS_READV = 19,
	SYS_WRITEV = 20,
	SYS_SENDFILE = 40,
	SYS_CONNECT = 42,
	SYS_ACCEPT = 43,
	SYS_SENDTO = 44,
	SYS_RECVFROM = 45,
	SYS_SENDMSG = 46,
	SYS_RECVMSG = 47,
	SYS_SPLICE = 275,
	SYS_ACCEPT4 = 288,
	SYS_RECVMMSG = 299,
	SYS_SENDMMSG = 307,
	SYS_PREADV2 = 327,
	SYS_PWRITEV2 = 328,
};

#define COMPAT_CODE_SEGMENT	0x23	/* __USER32_CS: 32-bit programs have other numbers */

#define NUMBER(regs)		((regs)->orig_ax)
#define ARGUMENT_1(regs)	((regs)->di)
#define ARGUMENT_2(regs)	((regs)->si)
#define ARGUMENT_3(regs)	((regs)->dx)
#define ARGUMENT_4(regs)	((regs)->r10)	/* rcx in a function's call, see keys.bpf.c */

static __always_inline bool is_compat(struct pt_regs *regs)
{
	return regs->cs == COMPAT_CODE_SEGMENT;
}

#endif
