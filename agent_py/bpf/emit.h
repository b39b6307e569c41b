/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Chunks into the ring of their connection. Nobody is woken for a record while
 * the consumer is awake: it polls. A consumer that goes to sleep writes its
 * slot of `sleepers` and then looks at the ring once more; here the record is
 * committed first and the slot read afterwards, so one of both sees the other.
 */
#ifndef OOB_EMIT_H
#define OOB_EMIT_H

#include "maps.h"

static __always_inline struct scratch *scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

/* Wake the consumer of a ring when it sleeps, by a record that it skips. */
static __always_inline void wake(void *ring, __u32 index)
{
	__u64 *sleeper = bpf_map_lookup_elem(&sleepers, &index);
	void *record;

	if (!sleeper || !*(volatile __u64 *)sleeper)
		return;
	*(volatile __u64 *)sleeper = 0;
	record = bpf_ringbuf_reserve(ring, 8, 0);
	if (!record)
		return;
	bpf_ringbuf_discard(record, BPF_RB_FORCE_WAKEUP);
	count(COUNT_WAKEUPS, 1);
}

static __always_inline long output(__u32 index, void *record, __u64 size)
{
	void *ring = bpf_map_lookup_elem(&rings, &index);
	long error;

	if (!ring)
		return -1;
	error = bpf_ringbuf_output(ring, record, size, BPF_RB_NO_WAKEUP);
	if (!error)
		wake(ring, index);
	return error;
}

/* Everything but size, captured, offset and flags, which the callers know. */
static __always_inline void fill(struct chunk *chunk, struct connection *connection, __s32 fd,
				 __u8 kind, __u8 direction)
{
	__u64 id = bpf_get_current_pid_tgid();

	chunk->conn = connection->id;
	chunk->time = bpf_ktime_get_ns();
	chunk->tgid = id >> 32;
	chunk->tid = id;
	chunk->mount_namespace = connection->mount_namespace;
	chunk->fd = fd;
	chunk->lost = connection->lost[direction & 1];
	chunk->kind = kind;
	chunk->direction = direction;
	chunk->flags = 0;
}

/*
 * One DATA chunk: `size` bytes moved, the first `captured` of them stand in the
 * scratch. The direction's offset advances whether the record got through or
 * not; a chunk that did not is told of in the next one's `lost`.
 */
static __always_inline void emit_data(struct scratch *scratch, struct connection *connection,
				      __s32 fd, __u32 direction, __u16 flags, __u32 size,
				      __u64 captured)
{
	struct counters *counters = counters_of_cpu();
	struct chunk *chunk = &scratch->chunk;

	direction &= 1;
	fill(chunk, connection, fd, CHUNK_DATA, direction);
	chunk->offset = connection->offset[direction];
	chunk->size = size;
	chunk->captured = captured;
	chunk->flags = flags;
	connection->offset[direction] += size;
	asm volatile("" : "+r"(captured));
	if (captured > PIECE || !counters)
		return;
	counters->slots[COUNT_MOVED_BYTES_INGRESS + direction] += size;
	if (output(connection->ring, chunk, sizeof(*chunk) + captured)) {
		connection->lost[direction]++;
		counters->slots[LOST_RING_FULL_INGRESS + direction]++;
		counters->slots[LOST_RING_FULL_BYTES_INGRESS + direction] += size;
		return;
	}
	connection->lost[direction] = 0;
	counters->slots[COUNT_CHUNKS_INGRESS + direction]++;
	counters->slots[COUNT_CAPTURED_BYTES_INGRESS + direction] += captured;
}

static __always_inline long emit_plain(struct scratch *scratch, struct connection *connection,
				       __s32 fd, __u8 kind, __u16 flags, __u32 captured)
{
	struct chunk *chunk = &scratch->chunk;

	fill(chunk, connection, fd, kind, INGRESS);
	chunk->offset = connection->offset[INGRESS];
	chunk->size = captured;
	chunk->captured = captured;
	chunk->flags = flags;
	return output(connection->ring, chunk, sizeof(*chunk) + captured);
}

#endif
