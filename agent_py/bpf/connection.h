/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The table of descriptors, by (tgid, fd). An entry is made by accept, or when
 * a captured process first moves bytes over a descriptor that was there before:
 * a TCP socket becomes a late connection, anything else an ignored entry, so
 * that each later operation on it costs one lookup. close removes the entry, so
 * does exec; what was closed unseen (io_uring, a table shared by processes) ends
 * when accept gives its number to another connection.
 */
#ifndef OOB_CONNECTION_H
#define OOB_CONNECTION_H

#include "emit.h"
#include "select.h"

/* In host mode by the tgid that the agent knows: it sweeps what ended processes left. */
static __always_inline struct connection_key key_of(__s32 fd)
{
	struct connection_key key = { bpf_get_current_pid_tgid() >> 32, fd };

	if (settings.by_process && settings.pid_namespace)
		key.tgid = current_agent_tgid();
	return key;
}

/* The sock behind a descriptor of the current task, when it is a stream socket */
static __always_inline struct sock *stream_socket(__s32 fd)
{
	struct fdtable *table = BPF_CORE_READ(current_task(), files, fdt);
	struct file *file = NULL, **slots;
	struct socket *socket;

	if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	slots = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	if (BPF_CORE_READ(socket, type) != SOCK_STREAM)
		return NULL;
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void map_ipv4(__u8 *to, __be32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

/* What was reset before it was accepted has no port of its own any more; its listener has. */
static __always_inline __u16 local_port_of(struct sock *sk, __s32 listener)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	if (!port)
		sk = stream_socket(listener);
	return port || !sk ? port : BPF_CORE_READ(sk, __sk_common.skc_num);
}

static __always_inline void read_open_info(struct open_info *info, struct connection *connection,
					   struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&info->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&info->remote, sk, __sk_common.skc_v6_daddr);
	} else {
		map_ipv4(info->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_ipv4(info->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
	info->local_port = connection->local_port;
	info->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	info->pid = current_agent_tgid();
	info->network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	bpf_get_current_comm(info->comm, sizeof(info->comm));
}

static __always_inline bool is_tcp(struct sock *sk, bool late)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (family != AF_INET && family != AF_INET6)
		return false;
	return !late || (state != TCP_LISTEN && state != TCP_SYN_SENT && state != TCP_CLOSE);
}

/* Tell of a connection; again later when the ring had no room for it. */
static __always_inline void announce(struct scratch *scratch, struct connection *connection,
				     struct sock *sk, __s32 fd)
{
	read_open_info(&scratch->open, connection, sk);
	if (emit_plain(scratch, connection, fd, CHUNK_OPEN, connection->late ? CHUNK_LATE : 0,
		       sizeof(struct open_info))) {
		count(LOST_RING_FULL_OPEN, 1);
		return;
	}
	connection->state = CONNECTION_OPEN;
	count(COUNT_OPENED, 1);
	if (connection->late)
		count(COUNT_OPENED_LATE, 1);
}

static __always_inline struct connection *insert(struct connection_key *key,
						 struct connection *connection)
{
	if (bpf_map_update_elem(&connections, key, connection, BPF_ANY)) {
		count(LOST_CONNECTIONS_FULL, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&connections, key);
}

static __always_inline void ignore(__s32 fd)
{
	struct connection_key key = key_of(fd);
	struct connection ignored = {};

	count(COUNT_IGNORED_DESCRIPTORS, 1);
	insert(&key, &ignored);
}

/* Global: the verifier looks at it once, however often it is called. */
__noinline int leave_connection(__s32 fd)
{
	struct connection_key key = key_of(fd);
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	struct scratch *scratch;

	if (!connection)
		return 0;
	scratch = scratch_of_cpu();
	if (scratch && connection->state != CONNECTION_IGNORED) {
		if (emit_plain(scratch, connection, fd, CHUNK_CLOSE, 0, 0))
			count(LOST_RING_FULL_CLOSE, 1);
		count(COUNT_CLOSED, 1);
	}
	bpf_map_delete_elem(&connections, &key);
	return 0;
}

/* exec closes descriptors without a call: those that hold no socket any more. */
__noinline int leave_closed(__s32 fd)
{
	struct connection_key key = key_of(fd);

	if (bpf_map_lookup_elem(&connections, &key) && !stream_socket(fd))
		leave_connection(fd);
	return 0;
}

#define NO_LISTENER	(-1)	/* late */

/* A new entry for a descriptor. Returns it when it is a connection to capture. */
static __noinline struct connection *enter_connection(__s32 fd, __s32 listener)
{
	bool late = listener == NO_LISTENER;
	struct connection_key key = key_of(fd);
	struct sock *sk = stream_socket(fd);
	struct scratch *scratch = scratch_of_cpu();
	struct connection fresh = {}, *connection;
	__u64 cpu = bpf_get_smp_processor_id();
	__u16 port;

	if (!scratch)
		return NULL;
	port = sk ? local_port_of(sk, listener) : 0;
	if (!sk || !is_tcp(sk, late) || !port_selected(port)) {
		ignore(fd);
		return NULL;
	}
	fresh.id = cpu << 48 | ++scratch->connections;
	fresh.ring = ((__u32)fresh.id + (__u32)cpu) % settings.ring_count;
	fresh.mount_namespace = mount_namespace_of(current_task());
	fresh.state = CONNECTION_NEW;
	fresh.late = late;
	fresh.local_port = port;
	connection = insert(&key, &fresh);
	if (connection)
		announce(scratch, connection, sk, fd);
	return connection;
}

/* The connection on a descriptor over which bytes moved, NULL when ignored. */
static __always_inline struct connection *find_connection(__s32 fd)
{
	struct connection_key key = key_of(fd);
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	struct scratch *scratch;
	struct sock *sk;

	if (!connection)
		return enter_connection(fd, NO_LISTENER);
	if (connection->state == CONNECTION_OPEN)
		return connection;
	if (connection->state == CONNECTION_IGNORED)
		return NULL;
	scratch = scratch_of_cpu();
	sk = stream_socket(fd);
	if (scratch && sk)
		announce(scratch, connection, sk, fd);
	return connection;
}

#endif
