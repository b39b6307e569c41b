// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Bytes of the server-side TCP connections of selected processes, at the exit
 * of the system calls that moved them. The loader attaches each program to the
 * tracepoints that it names; the exit programs serve several calls, for all
 * exits look alike.
 *
 * Nothing here waits, and nothing that the application does can fail or change
 * by it: user memory is read, never written.
 */
#include "thread.h"
#include "move.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ENTER(name)							\
	SEC("tracepoint/syscalls/sys_enter_" #name)			\
	int enter_##name(struct trace_event_raw_sys_enter *ctx)

ENTER(read)
{
	return begin(PLAIN, INGRESS, ctx->args[0], ctx->args[1], 0);
}

ENTER(readv)
{
	return begin(VECTOR, INGRESS, ctx->args[0], ctx->args[1], ctx->args[2]);
}

ENTER(recvfrom)
{
	return begin_receive(PLAIN, ctx->args[3], ctx->args[0], ctx->args[1], 0);
}

ENTER(recvmsg)
{
	return begin_receive(MESSAGE, ctx->args[2], ctx->args[0], ctx->args[1], 0);
}

ENTER(recvmmsg)
{
	/* A cut message tells its length, so MSG_TRUNC needs no care here. */
	return begin_receive(MESSAGES, ctx->args[3] & ~MSG_TRUNC, ctx->args[0], ctx->args[1], 0);
}

ENTER(write)
{
	return begin(PLAIN, EGRESS, ctx->args[0], ctx->args[1], 0);
}

ENTER(writev)
{
	return begin(VECTOR, EGRESS, ctx->args[0], ctx->args[1], ctx->args[2]);
}

ENTER(sendto)
{
	return begin(PLAIN, EGRESS, ctx->args[0], ctx->args[1], 0);
}

ENTER(sendmsg)
{
	return begin(MESSAGE, EGRESS, ctx->args[0], ctx->args[1], 0);
}

ENTER(sendmmsg)
{
	return begin(MESSAGES, EGRESS, ctx->args[0], ctx->args[1], 0);
}

ENTER(sendfile64)
{
	return begin(DISCARD, EGRESS, ctx->args[0], 0, 0);
}

ENTER(splice)
{
	struct thread *thread = selected_thread();

	if (!thread)
		return 0;
	thread->operation = SPLICE;
	thread->fd = ctx->args[0];
	thread->fd_out = ctx->args[2];
	return 0;
}

ENTER(connect)
{
	return begin(CONNECT, EGRESS, ctx->args[0], 0, 0);
}

/* At the entry: at the exit another thread may have got the same number. */
ENTER(close)
{
	leave_connection(ctx->args[0]);
	return 0;
}

/* The operation that ends here and what it returned, if it did anything. */
static __always_inline struct thread *ended(long result)
{
	struct thread *thread = current_thread();

	if (!thread || thread->operation == NOTHING)
		return NULL;
	if (result > 0)
		return thread;
	thread->operation = NOTHING;
	return NULL;
}

static __always_inline void read_last(struct thread *thread, struct connection *connection)
{
	thread->connection = connection->id;
	thread->ring = connection->ring;
}

/* read, readv, recvfrom, recvmsg, write, writev, sendto, sendmsg, sendfile64 */
SEC("tracepoint/syscalls/sys_exit_read")
int exit_move(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *thread = ended(ctx->ret);
	struct scratch *scratch = scratch_of_cpu();
	struct connection *connection;
	struct user_msghdr header;
	__u8 operation;

	if (!thread || !scratch)
		return 0;
	operation = thread->operation;
	thread->operation = NOTHING;
	connection = find_connection(thread->fd);
	if (!connection)
		return 0;
	if (thread->direction == INGRESS)
		read_last(thread, connection);
	switch (operation) {
	case PLAIN:
		at_buffer(&scratch->cursor, thread->buffer, ctx->ret);
		break;
	case VECTOR:
		at_vector(&scratch->cursor, thread->buffer, thread->count);
		break;
	case MESSAGE:
		if (bpf_probe_read_user(&header, sizeof(header), (void *)thread->buffer))
			header.iov_count = 0;
		at_vector(&scratch->cursor, header.iov, header.iov_count);
		break;
	default:
		emit_data(scratch, connection, thread->fd, thread->direction, CHUNK_CUT, ctx->ret, 0);
		return 0;
	}
	move(scratch, connection, thread->fd, thread->direction, ctx->ret);
	return 0;
}

#define MESSAGES_STEPS	8

/* recvmmsg, sendmmsg: the result is the number of messages */
SEC("tracepoint/syscalls/sys_exit_recvmmsg")
int exit_messages(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *thread = ended(ctx->ret);
	struct scratch *scratch = scratch_of_cpu();
	struct connection *connection;
	struct mmsghdr message;

	if (!thread || !scratch)
		return 0;
	thread->operation = NOTHING;
	connection = find_connection(thread->fd);
	if (!connection)
		return 0;
	if (thread->direction == INGRESS)
		read_last(thread, connection);
	for (int i = 0; i < MESSAGES_STEPS; i++) {
		if (i >= ctx->ret)
			return 0;
		if (bpf_probe_read_user(&message, sizeof(message), (void *)thread->buffer))
			break;
		thread->buffer += sizeof(message);
		at_vector(&scratch->cursor, message.header.iov, message.header.iov_count);
		if (message.size)
			move(scratch, connection, thread->fd, thread->direction, message.size);
	}
	/* How many bytes the others had is not known: the offset is wrong from here. */
	if (ctx->ret > MESSAGES_STEPS)
		count(LOST_TRUNCATED, 1);
	return 0;
}

static __always_inline void splice_one(struct scratch *scratch, __s32 fd, __u32 direction, long size)
{
	struct connection *connection = find_connection(fd);

	if (connection)
		emit_data(scratch, connection, fd, direction, CHUNK_CUT, size, 0);
}

SEC("tracepoint/syscalls/sys_exit_splice")
int exit_splice(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *thread = ended(ctx->ret);
	struct scratch *scratch = scratch_of_cpu();

	if (!thread || !scratch)
		return 0;
	thread->operation = NOTHING;
	splice_one(scratch, thread->fd, INGRESS, ctx->ret);
	splice_one(scratch, thread->fd_out, EGRESS, ctx->ret);
	return 0;
}

/* accept, accept4 */
SEC("tracepoint/syscalls/sys_exit_accept")
int exit_accept(struct trace_event_raw_sys_exit *ctx)
{
	if (ctx->ret >= 0 && selected())
		enter_connection(ctx->ret, false);
	return 0;
}

/* The agent mirrors servers: a descriptor that connected is a client's. */
SEC("tracepoint/syscalls/sys_exit_connect")
int exit_connect(struct trace_event_raw_sys_exit *ctx)
{
	struct thread *thread = current_thread();

	if (!thread || thread->operation != CONNECT)
		return 0;
	thread->operation = NOTHING;
	if (ctx->ret == 0 || ctx->ret == -EINPROGRESS)
		ignore(thread->fd);
	return 0;
}
