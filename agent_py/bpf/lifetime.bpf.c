// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Processes that begin and end. A child of a selected process is selected;
 * what ended leaves the maps, and the workers hear of it: descriptors that an
 * exit or an exec closes make no system call.
 */
#include "thread.h"
#include "connection.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	__u32 from, to;
	__u8 yes = 1;

	if (!settings.by_process)
		return 0;
	from = agent_tgid(parent);
	if (!bpf_map_lookup_elem(&processes, &from))
		return 0;
	to = agent_tgid(child);
	if (to && to != from && bpf_map_update_elem(&processes, &to, &yes, BPF_ANY))
		count(LOST_PROCESSES_FULL, 1);
	return 0;
}

#define EXEC_DESCRIPTORS	1024	/* that are looked at; the rest accept replaces */

SEC("tp_btf/sched_process_exec")
int process_exec(__u64 *ctx)
{
	if (!selected())
		return 0;
	for (__s32 fd = 0; fd < EXEC_DESCRIPTORS; fd++)
		leave_closed(fd);
	return 0;
}

/* CLOSE with conn 0 and the tgid, to each ring: all its connections ended. */
static __always_inline void tell_end(struct task_struct *task, __u32 tgid)
{
	struct chunk chunk = {};

	chunk.time = bpf_ktime_get_ns();
	chunk.tgid = tgid;
	chunk.tid = tgid;
	chunk.mount_namespace = mount_namespace_of(task);
	chunk.fd = -1;
	chunk.kind = CHUNK_CLOSE;
	for (__u32 ring = 0; ring < MAX_RINGS; ring++) {
		if (ring >= settings.ring_count)
			break;
		if (output(ring, &chunk, sizeof(chunk)))
			count(LOST_RING_FULL_CLOSE, 1);
	}
}

SEC("tp_btf/sched_process_exit")
int process_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = id, tgid = id >> 32, agent;
	bool was_selected = selected();

	bpf_map_delete_elem(&threads, &tid);
	if (!was_selected || BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	tell_end(task, tgid);
	agent = current_agent_tgid();
	bpf_map_delete_elem(&processes, &agent);
	return 0;
}
