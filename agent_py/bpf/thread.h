/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The entry of a system call is remembered per thread until its exit. */
#ifndef OOB_THREAD_H
#define OOB_THREAD_H

#include "select.h"

static __always_inline struct thread *current_thread(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

/* The thread's entry, made when it is new. NULL: not selected, or no room. */
static __always_inline struct thread *selected_thread(void)
{
	struct thread *thread, fresh = {};
	__u32 tid = bpf_get_current_pid_tgid();

	if (!selected())
		return NULL;
	thread = bpf_map_lookup_elem(&threads, &tid);
	if (thread)
		return thread;
	if (bpf_map_update_elem(&threads, &tid, &fresh, BPF_ANY)) {
		count(LOST_THREADS_FULL, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&threads, &tid);
}

static __always_inline int begin(__u8 operation, __u8 direction, __s32 fd, __u64 buffer,
				 __u64 size)
{
	struct thread *thread = selected_thread();

	if (!thread)
		return 0;
	thread->operation = operation;
	thread->direction = direction;
	thread->fd = fd;
	thread->buffer = buffer;
	thread->count = size;
	return 0;
}

/* What a receive with these flags does to the stream. */
static __always_inline __u8 receive_operation(__u8 operation, int flags)
{
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return NOTHING;
	return flags & MSG_TRUNC ? DISCARD : operation;
}

static __always_inline int begin_receive(__u8 operation, int flags, __s32 fd, __u64 buffer,
					 __u64 size)
{
	operation = receive_operation(operation, flags);
	if (operation == NOTHING) {
		if (selected())
			count(COUNT_IGNORED_PEEK, 1);
		return 0;
	}
	return begin(operation, INGRESS, fd, buffer, size);
}

#endif
