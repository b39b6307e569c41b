/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The few kernel structures that the programs look into, with just the members
 * they use. Their offsets are relocated (CO-RE) when an object is loaded, so
 * neither order nor size here means anything.
 */
#ifndef OOB_KERNEL_H
#define OOB_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define S_IFMT		0170000
#define S_IFSOCK	0140000
#define AF_INET		2
#define AF_INET6	10
#define SOCK_STREAM	1
#define TCP_SYN_SENT	2
#define TCP_CLOSE	7
#define TCP_LISTEN	10
#define EINPROGRESS	115
#define MSG_OOB		0x1
#define MSG_PEEK	0x2
#define MSG_TRUNC	0x20
#define MSG_ERRQUEUE	0x2000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	short type;
	struct sock *sk;
};

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct nsproxy *nsproxy;
	struct files_struct *files;
};

struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long cs, orig_ax;
	unsigned long cx, dx, si, di, r10;
};
#endif

#pragma clang attribute pop

/* Shapes of the system call interface: fixed for ever, not relocated. */

struct iovec {
	__u64 base;
	__u64 size;
};

struct user_msghdr {
	__u64 name;
	__u32 name_size;
	__u32 pad0;
	__u64 iov;
	__u64 iov_count;
	__u64 control;
	__u64 control_size;
	__u32 flags;
	__u32 pad1;
};

struct mmsghdr {
	struct user_msghdr header;
	__u32 size;
	__u32 pad;
};

#endif
