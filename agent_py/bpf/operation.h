/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a system call that ends did to which descriptor, from its saved registers. */
#ifndef OOB_OPERATION_H
#define OOB_OPERATION_H

#include "chunk.h"
#include "syscalls.h"

enum operation_kind {
	NOTHING,
	PEEK,			/* bytes were looked at and stay in the stream */
	PLAIN,			/* buffer */
	DISCARD,		/* no data in user memory: MSG_TRUNC */
	VECTOR,			/* iovec array */
	MESSAGE,		/* struct user_msghdr */
	MESSAGES,		/* array of struct mmsghdr */
	DISCARD_MESSAGES,	/* the same, without data in user memory */
	SENDFILE,
	SPLICE,
	ACCEPT,
	CONNECT,
};

struct operation {
	__u32 kind;
	__u32 direction;
	__u64 fd;
	__u64 buffer;
	__u64 count;		/* of the array at buffer */
};

/* What a receive with these flags does to the stream. */
static __always_inline __u32 receive(__u32 kind, __u64 flags)
{
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return PEEK;
	if (!(flags & MSG_TRUNC))
		return kind;
	return kind == MESSAGES ? DISCARD_MESSAGES : DISCARD;
}

static __always_inline __u32 ingress_kind(struct pt_regs *regs)
{
	switch (NUMBER(regs)) {
	case SYS_READ:
		return PLAIN;
	case SYS_READV:
	case SYS_PREADV2:
		return VECTOR;
	case SYS_RECVFROM:
		return receive(PLAIN, ARGUMENT_4(regs));
	case SYS_RECVMSG:
		return receive(MESSAGE, ARGUMENT_3(regs));
	case SYS_RECVMMSG:
		return receive(MESSAGES, ARGUMENT_4(regs));
	case SYS_SPLICE:
		return SPLICE;
	default:
		return NOTHING;
	}
}

static __always_inline __u32 egress_kind(struct pt_regs *regs)
{
	switch (NUMBER(regs)) {
	case SYS_WRITE:
	case SYS_SENDTO:
		return PLAIN;
	case SYS_WRITEV:
	case SYS_PWRITEV2:
		return VECTOR;
	case SYS_SENDMSG:
		return MESSAGE;
	case SYS_SENDMMSG:
		return MESSAGES;
	case SYS_SENDFILE:
		return SENDFILE;
	default:
		return NOTHING;
	}
}

static __always_inline __u32 descriptor_kind(struct pt_regs *regs)
{
	switch (NUMBER(regs)) {
	case SYS_ACCEPT:
	case SYS_ACCEPT4:
		return ACCEPT;
	case SYS_CONNECT:
		return CONNECT;
	default:
		return NOTHING;
	}
}

/* False: a call that is of no interest, which most are. */
static __always_inline bool read_operation(struct operation *operation, struct pt_regs *regs)
{
	operation->direction = INGRESS;
	operation->kind = ingress_kind(regs);
	if (operation->kind == NOTHING) {
		operation->direction = EGRESS;
		operation->kind = egress_kind(regs);
	}
	if (operation->kind == NOTHING)
		operation->kind = descriptor_kind(regs);
	if (operation->kind == NOTHING || is_compat(regs))
		return false;
	operation->fd = ARGUMENT_1(regs);
	operation->buffer = ARGUMENT_2(regs);
	operation->count = ARGUMENT_3(regs);
	return true;
}

#endif
