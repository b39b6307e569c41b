// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Bytes of the server-side TCP connections of selected processes, at the exit
 * of the system calls that moved them; descriptors that close, at the entry.
 *
 * One program sees the end of every system call of the machine, so what is of
 * no interest ends after a few instructions: a call that failed, then a number
 * that is not listed, then a process that is not selected. A BTF-typed
 * tracepoint (Linux 5.5) reads the saved registers directly, and costs less
 * than a tracepoint per call: those go through perf, which collects the
 * arguments first.
 *
 * Nothing here waits, and nothing that the application does can fail or change
 * by it: user memory is read, never written.
 */
#include "thread.h"
#include "move.h"
#include "operation.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void moved(struct operation *operation, long result)
{
	struct connection *connection = find_connection(operation->fd);
	struct scratch *scratch = scratch_of_cpu();
	struct user_msghdr header;

	if (!connection || !scratch)
		return;
	if (operation->direction == INGRESS)
		remember_read(connection);
	switch (operation->kind) {
	case PLAIN:
		at_buffer(&scratch->cursor, operation->buffer, result);
		break;
	case VECTOR:
		at_vector(&scratch->cursor, operation->buffer, operation->count);
		break;
	case MESSAGE:
		if (bpf_probe_read_user(&header, sizeof(header), (void *)operation->buffer))
			header.iov_count = 0;
		at_vector(&scratch->cursor, header.iov, header.iov_count);
		break;
	default:
		emit_data(scratch, connection, operation->fd, operation->direction, CHUNK_CUT, result, 0);
		return;
	}
	move(scratch, connection, operation->fd, operation->direction, result);
}

#define MESSAGES_STEPS	8	/* messages of one call that are copied */
#define MAX_MESSAGES	1024	/* UIO_MAXIOV: the kernel moves no more */

/* Global, with numbers alone: the verifier looks at it once instead of once per message. */
__noinline int move_message(__u64 address, __s32 fd, __u32 direction)
{
	struct connection *connection = find_connection(fd);
	struct scratch *scratch = scratch_of_cpu();
	struct mmsghdr message;

	if (!connection || !scratch)
		return 0;
	if (bpf_probe_read_user(&message, sizeof(message), (void *)address) || !message.size)
		return 0;
	at_vector(&scratch->cursor, message.header.iov, message.header.iov_count);
	move(scratch, connection, fd, direction & 1, message.size);
	return 0;
}

/* Messages from `first` on: their sizes alone, so that the offsets stay right. Returns the sum. */
static __always_inline __u64 skip_messages(struct operation *operation,
					   struct connection *connection, int first, long result)
{
	struct scratch *scratch = scratch_of_cpu();
	__u64 size = 0;

	for (int i = 0; i < MAX_MESSAGES; i++) {
		struct mmsghdr *message = (void *)operation->buffer + i * sizeof(*message);
		__u32 one = 0;

		if (i >= result)
			break;
		if (i < first)
			continue;
		bpf_probe_read_user(&one, sizeof(one), &message->size);
		size += one;
	}
	if (scratch)
		emit_data(scratch, connection, operation->fd, operation->direction, CHUNK_CUT, size, 0);
	return size;
}

/* recvmmsg, sendmmsg: the result is the number of messages */
static __always_inline void moved_messages(struct operation *operation, long result)
{
	struct connection *connection = find_connection(operation->fd);
	int copied = operation->kind == MESSAGES ? MESSAGES_STEPS : 0;
	__u64 size;

	if (!connection)
		return;
	if (operation->direction == INGRESS)
		remember_read(connection);
	for (int i = 0; i < MESSAGES_STEPS && i < copied; i++) {
		if (i >= result)
			return;
		move_message(operation->buffer + i * sizeof(struct mmsghdr), operation->fd, operation->direction);
	}
	if (result <= copied)
		return;
	size = skip_messages(operation, connection, copied, result);
	if (copied) {
		count(LOST_TRUNCATED, 1);
		count(LOST_TRUNCATED_BYTES, size);
	}
}

/* False: the descriptor is no connection. */
static __always_inline bool splice_one(struct scratch *scratch, __s32 fd, __u32 direction, long size)
{
	struct connection *connection = find_connection(fd);

	if (connection)
		emit_data(scratch, connection, fd, direction, CHUNK_CUT, size, 0);
	return connection;
}

/* splice(fd_in, off_in, fd_out, …) */
static __always_inline void spliced(struct operation *operation, long result)
{
	struct scratch *scratch = scratch_of_cpu();

	if (!scratch)
		return;
	splice_one(scratch, operation->fd, INGRESS, result);
	splice_one(scratch, operation->count, EGRESS, result);
}

/* sendfile(out_fd, in_fd, …): into a pipe it is a splice (Linux 5.12), also of a connection. */
static __always_inline void sent_file(struct operation *operation, long result)
{
	struct scratch *scratch = scratch_of_cpu();

	if (scratch && !splice_one(scratch, operation->fd, EGRESS, result))
		splice_one(scratch, operation->buffer, INGRESS, result);
}

SEC("tp_btf/sys_exit")
int system_call_exit(__u64 *ctx)
{
	struct operation operation;
	long result = ctx[1];

	if (result < 0 && result != -EINPROGRESS)
		return 0;
	if (!read_operation(&operation, (void *)ctx[0]) || !selected())
		return 0;
	if (operation.kind == CONNECT) {
		/* The agent mirrors servers: a descriptor that connected is a client's. */
		ignore(operation.fd);
	} else if (result < 0) {
		return 0;
	} else if (operation.kind == ACCEPT) {
		leave_connection(result);
		enter_connection(result, operation.fd);
	} else if (result == 0) {
		return 0;
	} else if (operation.kind == PEEK) {
		count(COUNT_IGNORED_PEEK, 1);
	} else if (operation.kind == MESSAGES || operation.kind == DISCARD_MESSAGES) {
		moved_messages(&operation, result);
	} else if (operation.kind == SENDFILE) {
		sent_file(&operation, result);
	} else if (operation.kind == SPLICE) {
		spliced(&operation, result);
	} else {
		moved(&operation, result);
	}
	return 0;
}

/*
 * Closing acts at the entry: before its exit another thread may have got the
 * same number. These are calls of their own with a tracepoint each, so that
 * all others pass without a second program. Only selected processes have
 * entries in the table, so nothing else is asked.
 */
SEC("tracepoint/syscalls/sys_enter_close")
int enter_close(struct trace_event_raw_sys_enter *ctx)
{
	leave_connection(ctx->args[0]);
	return 0;
}

/* dup2, dup3: the second descriptor is closed, unless it is the first. */
SEC("tracepoint/syscalls/sys_enter_dup2")
int enter_dup(struct trace_event_raw_sys_enter *ctx)
{
	if (ctx->args[0] != ctx->args[1])
		leave_connection(ctx->args[1]);
	return 0;
}

#define CLOSE_RANGE_CLOEXEC	4
#define MAX_CLOSE_RANGE		1024	/* descriptors of one call that are looked at */

/* close_range(first, last, flags) */
SEC("tracepoint/syscalls/sys_enter_close_range")
int enter_close_range(struct trace_event_raw_sys_enter *ctx)
{
	__u32 first = ctx->args[0], last = ctx->args[1];

	if (ctx->args[2] & CLOSE_RANGE_CLOEXEC || !selected())
		return 0;
	for (__u32 i = 0; i < MAX_CLOSE_RANGE; i++) {
		if (first > last || i > last - first)
			break;
		leave_connection(first + i);
	}
	return 0;
}
