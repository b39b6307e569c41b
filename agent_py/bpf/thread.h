/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which connection a thread read last: keys that it derives then are most likely that connection's. */
#ifndef OOB_THREAD_H
#define OOB_THREAD_H

#include "select.h"

static __always_inline struct thread *current_thread(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

static __always_inline void remember_read(struct connection *connection)
{
	struct thread *thread = current_thread();
	struct thread fresh = { connection->id, connection->ring, 0 };
	__u32 tid = bpf_get_current_pid_tgid();

	if (thread) {
		thread->connection = connection->id;
		thread->ring = connection->ring;
	} else if (bpf_map_update_elem(&threads, &tid, &fresh, BPF_ANY)) {
		count(LOST_THREADS_FULL, 1);
	}
}

#endif
