/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes of a finished operation, from user memory into chunks. Ingress is
 * copied whole in pieces, of egress just the start of each operation: requests
 * are wanted, response bodies are not.
 */
#ifndef OOB_MOVE_H
#define OOB_MOVE_H

#include "connection.h"

#define INGRESS_STEPS	48	/* pieces and segments of one operation */
#define EGRESS_STEPS	8	/* segments that the start is gathered from */

/* Step to the next segment that has bytes of the operation. False: none left. */
static __always_inline bool next_segment(struct cursor *cursor)
{
	struct iovec vector;

	if (!cursor->remaining)
		return false;
	if (cursor->left)
		return true;
	if (!cursor->vectors)
		return false;
	if (bpf_probe_read_user(&vector, sizeof(vector), (void *)cursor->vector))
		return false;
	cursor->vector += sizeof(vector);
	cursor->vectors--;
	cursor->segment = vector.base;
	cursor->left = vector.size < cursor->remaining ? vector.size : cursor->remaining;
	return true;
}

static __always_inline void advance(struct cursor *cursor, __u64 size)
{
	cursor->segment += size;
	cursor->left -= size;
	cursor->remaining -= size;
}

static __noinline int move_in(struct scratch *scratch, struct connection *connection, __s32 fd)
{
	struct cursor *cursor = &scratch->cursor;

	for (int i = 0; i < INGRESS_STEPS; i++) {
		__u64 size, captured;
		__u16 flags = 0;

		if (!next_segment(cursor))
			break;
		size = cursor->left < PIECE ? cursor->left : PIECE;
		asm volatile("" : "+r"(size));
		if (!size || size > PIECE)
			continue;
		captured = size;
		if (bpf_probe_read_user(scratch->data, size, (void *)cursor->segment)) {
			flags = CHUNK_FAULT;
			captured = 0;
			count(LOST_FAULT_INGRESS, 1);
			count(LOST_FAULT_BYTES_INGRESS, size);
		}
		advance(cursor, size);
		emit_data(scratch, connection, fd, INGRESS, flags, size, captured);
	}
	if (cursor->remaining) {
		count(LOST_TRUNCATED, 1);
		count(LOST_TRUNCATED_BYTES, cursor->remaining);
		emit_data(scratch, connection, fd, INGRESS, CHUNK_CUT, cursor->remaining, 0);
	}
	return 0;
}

static __noinline int move_out(struct scratch *scratch, struct connection *connection, __s32 fd)
{
	struct cursor *cursor = &scratch->cursor;
	__u64 moved = cursor->remaining;
	__u64 limit = settings.egress_bytes;
	__u64 gathered = 0;
	__u16 flags = 0;

	if (limit > MAX_EGRESS)
		limit = MAX_EGRESS;
	if (limit > moved)
		limit = moved;
	for (int i = 0; i < EGRESS_STEPS; i++) {
		__u64 size;

		if (gathered >= limit || !next_segment(cursor))
			break;
		size = limit - gathered;
		if (size > cursor->left)
			size = cursor->left;
		asm volatile("" : "+r"(size), "+r"(gathered));
		if (!size || size > MAX_EGRESS || gathered > MAX_EGRESS)
			continue;
		if (bpf_probe_read_user(scratch->data + gathered, size, (void *)cursor->segment)) {
			flags = CHUNK_FAULT;
			count(LOST_FAULT_EGRESS, 1);
			count(LOST_FAULT_BYTES_EGRESS, limit - gathered);
			break;
		}
		advance(cursor, size);
		gathered += size;
	}
	if (gathered < moved)
		flags |= CHUNK_CUT;
	emit_data(scratch, connection, fd, EGRESS, flags, moved, gathered);
	return 0;
}

/* Move `size` bytes between the segments that the cursor stands on and `fd`. */
static __always_inline void move(struct scratch *scratch, struct connection *connection, __s32 fd,
				 __u32 direction, __u64 size)
{
	scratch->cursor.remaining = size;
	if (direction == INGRESS)
		move_in(scratch, connection, fd);
	else
		move_out(scratch, connection, fd);
}

static __always_inline void at_buffer(struct cursor *cursor, __u64 buffer, __u64 size)
{
	cursor->segment = buffer;
	cursor->left = size;
	cursor->vectors = 0;
}

static __always_inline void at_vector(struct cursor *cursor, __u64 vector, __u64 vectors)
{
	cursor->left = 0;
	cursor->vector = vector;
	cursor->vectors = vectors;
}

#endif
