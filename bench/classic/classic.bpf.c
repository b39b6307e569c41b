// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The usual way to see TLS plaintext, for comparison: probes on the entry and
 * the return of SSL_read and SSL_write that copy the buffer and wake the reader
 * as the library does by default (when it has read everything before). Kept
 * cheap otherwise: no address, no connection.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define COPIED	4096

/* struct pt_regs of x86-64 */
struct registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
};

struct record {
	__u64 time;
	__u64 thread;
	__u32 size;
	__u32 written;
	__u8 data[COPIED];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);	/* thread */
	__type(value, __u64);	/* buffer */
} buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);	/* tgid */
	__type(value, __u8);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct record);
} scratches SEC(".maps");

SEC("uprobe/SSL_entry")
int ssl_entry(struct registers *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid(), buffer = ctx->si;
	__u32 tgid = thread >> 32;

	if (bpf_map_lookup_elem(&processes, &tgid))
		bpf_map_update_elem(&buffers, &thread, &buffer, BPF_ANY);
	return 0;
}

static __always_inline int copy(struct registers *ctx, __u32 written)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *buffer = bpf_map_lookup_elem(&buffers, &thread);
	__s32 returned = ctx->ax;
	struct record *record;
	__u64 size = returned;
	__u32 zero = 0;

	if (!buffer)
		return 0;
	record = bpf_map_lookup_elem(&scratches, &zero);
	if (record && returned > 0) {
		record->time = bpf_ktime_get_ns();
		record->thread = thread;
		record->size = returned;
		record->written = written;
		if (size > COPIED)
			size = COPIED;
		asm volatile("" : "+r"(size));
		if (size <= COPIED && !bpf_probe_read_user(record->data, size, (void *)*buffer))
			bpf_ringbuf_output(&records, record, __builtin_offsetof(struct record, data) + size, 0);
	}
	bpf_map_delete_elem(&buffers, &thread);
	return 0;
}

SEC("uprobe/SSL_read_return")
int ssl_read_return(struct registers *ctx)
{
	return copy(ctx, 0);
}

SEC("uprobe/SSL_write_return")
int ssl_write_return(struct registers *ctx)
{
	return copy(ctx, 1);
}
