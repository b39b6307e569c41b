/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose system calls are captured: a workload's, or in host mode a process's. */
#ifndef OOB_SELECT_H
#define OOB_SELECT_H

#include "maps.h"

#define MAX_PID_LEVELS	8	/* the kernel allows 32; nobody nests that deep */

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline __u32 mount_namespace_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
}

/* tgid in the pid namespace of the agent, 0 when the task has none there */
static __always_inline __u32 agent_tgid(struct task_struct *task)
{
	struct pid *pid;
	__u32 level;

	if (!settings.pid_namespace)
		return BPF_CORE_READ(task, tgid);
	pid = BPF_CORE_READ(task, group_leader, thread_pid);
	level = BPF_CORE_READ(pid, level);
	for (__u32 i = 0; i < MAX_PID_LEVELS; i++) {
		struct upid *upid;

		if (i > level)
			break;
		upid = (void *)__builtin_preserve_access_index(&pid->numbers[0]) +
		       i * bpf_core_type_size(struct upid);
		if (BPF_CORE_READ(upid, ns, ns.inum) == settings.pid_namespace)
			return BPF_CORE_READ(upid, nr);
	}
	return 0;
}

static __always_inline __u32 current_agent_tgid(void)
{
	if (!settings.pid_namespace)
		return bpf_get_current_pid_tgid() >> 32;
	return agent_tgid(current_task());
}

static __always_inline bool selected(void)
{
	__u32 key;

	if (settings.by_process) {
		key = current_agent_tgid();
		return bpf_map_lookup_elem(&processes, &key);
	}
	key = mount_namespace_of(current_task());
	return bpf_map_lookup_elem(&workloads, &key);
}

static __always_inline bool port_selected(__u16 port)
{
	__u16 only = 0;

	if (!bpf_map_lookup_elem(&ports, &only))
		return true;
	return port && bpf_map_lookup_elem(&ports, &port);
}

#endif
