// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * TLS secrets at OpenSSL 3's EVP_KDF_derive(ctx, key, keylen, params): a few
 * calls per handshake, none per record. params is an array that ends with an
 * entry without a name.
 *
 * TLS 1.3 (RFC 8446 7.3): of the many derivations only those with the label
 * "key" matter; what they derive from is a traffic secret. TLS 1.2 (RFC 5246
 * 6.3): the "key expansion" has the master secret and, as seeds, both randoms.
 *
 * The program may stand behind the function's entry, on an instruction that
 * the kernel emulates; the loader sees to it that rcx is still untouched there.
 * Other than at tracepoints, a uprobe's program can be preempted: no per-CPU
 * scratch here.
 */
#include "syscalls.h"
#include "thread.h"
#include "emit.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct ossl_param {
	__u64 name;
	__u32 type;
	__u32 pad;
	__u64 data;
	__u64 size;
	__u64 returned;
};

#define PARAMS		8	/* tls1_PRF: digest, secret, five seeds, end */
#define MASTER_SECRET	48
#define RANDOM		32

/* The first four bytes of a parameter's name, as a little-endian number */
#define NAME_LABEL	0x6562616c	/* "labe" */
#define NAME_KEY	0x0079656b	/* "key" */
#define NAME_SECRET	0x72636573	/* "secr" */
#define NAME_SEED	0x64656573	/* "seed" */

struct found {
	__u64 label;
	__u64 key;
	__u64 key_size;
	__u64 secret;
	__u64 seeds[3];		/* the first that are not empty */
};

static __always_inline void count_atomic(__u32 slot)
{
	struct counters *counters = counters_of_cpu();

	if (counters)
		__sync_fetch_and_add(&counters->slots[slot], 1);
}

static __always_inline void add_seed(struct found *found, struct ossl_param *param)
{
	if (!found->seeds[0])
		found->seeds[0] = param->data;
	else if (param->size == RANDOM && !found->seeds[1])
		found->seeds[1] = param->data;
	else if (param->size == RANDOM && !found->seeds[2])
		found->seeds[2] = param->data;
}

static __always_inline __u32 name_of(struct ossl_param *param)
{
	__u32 name = 0;

	bpf_probe_read_user(&name, sizeof(name), (void *)param->name);
	return name;
}

/*
 * Most calls are of no interest, and reading a name costs as much as the rest:
 * sizes decide first, "key" has three bytes and a master secret has 48.
 */
static __always_inline bool find(struct found *found, __u64 array)
{
	struct ossl_param params[PARAMS];

	if (bpf_probe_read_user(params, sizeof(params), (void *)array)) {
		count_atomic(LOST_KEY_FAULT);
		return false;
	}
#pragma unroll
	for (int i = 0; i < PARAMS; i++) {
		if (!params[i].name)
			break;
		if (params[i].size == 3 && name_of(&params[i]) == NAME_LABEL)
			found->label = params[i].data;
		else if (params[i].size == MASTER_SECRET && name_of(&params[i]) == NAME_SECRET)
			found->secret = params[i].data;
	}
	if (!found->label && !found->secret)
		return false;
#pragma unroll
	for (int i = 0; i < PARAMS; i++) {
		__u32 name;

		if (!params[i].name)
			break;
		name = name_of(&params[i]);
		if (name == NAME_KEY) {
			found->key = params[i].data;
			found->key_size = params[i].size;
		} else if (name == NAME_SEED && params[i].size) {
			add_seed(found, &params[i]);
		}
	}
	return true;
}

static __always_inline bool starts_with_key(__u64 text)
{
	__u32 start = 0;

	bpf_probe_read_user(&start, 3, (void *)text);
	return start == NAME_KEY;
}

static __always_inline __u8 protocol_of(struct found *found)
{
	if (found->key && found->label && starts_with_key(found->label))
		return TLS13_TRAFFIC_SECRET;
	if (found->secret && found->seeds[2] && starts_with_key(found->seeds[0]))
		return TLS12_MASTER_SECRET;
	return 0;
}

static __always_inline long read_secret(struct key_info *info, struct found *found)
{
	__u64 size = found->key_size;

	if (info->protocol == TLS13_TRAFFIC_SECRET) {
		asm volatile("" : "+r"(size));
		if (!size || size > sizeof(info->secret))
			return -1;
		info->secret_size = size;
		return bpf_probe_read_user(info->secret, size, (void *)found->key);
	}
	info->secret_size = MASTER_SECRET;
	if (bpf_probe_read_user(info->secret, MASTER_SECRET, (void *)found->secret))
		return -1;
	if (bpf_probe_read_user(info->server_random, RANDOM, (void *)found->seeds[1]))
		return -1;
	return bpf_probe_read_user(info->client_random, RANDOM, (void *)found->seeds[2]);
}

struct key_record {
	struct chunk chunk;
	struct key_info info;
};

static __noinline int fill_record(struct key_record *record, __u64 connection)
{
	__u64 id = bpf_get_current_pid_tgid();

	__builtin_memset(record, 0, sizeof(*record));
	record->chunk.conn = connection;
	record->chunk.time = bpf_ktime_get_ns();
	record->chunk.size = sizeof(record->info);
	record->chunk.captured = sizeof(record->info);
	record->chunk.tgid = id >> 32;
	record->chunk.tid = id;
	record->chunk.mount_namespace = mount_namespace_of(current_task());
	record->chunk.fd = -1;
	record->chunk.kind = CHUNK_KEY;
	return 0;
}

static __always_inline void emit_key(struct found *found, __u8 protocol, __u32 index,
				     __u64 connection)
{
	void *ring = bpf_map_lookup_elem(&rings, &index);
	struct key_record *record;

	if (!ring)
		return;
	record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
	if (!record) {
		count_atomic(LOST_RING_FULL_KEY);
		return;
	}
	fill_record(record, connection);
	record->info.protocol = protocol;
	if (read_secret(&record->info, found)) {
		count_atomic(LOST_KEY_FAULT);
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return;
	}
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	count_atomic(COUNT_KEYS);
	wake(ring, index);
}

/* To the ring of the connection that this thread read last, else to every ring */
SEC("uprobe/EVP_KDF_derive")
int derive(struct pt_regs *ctx)
{
	struct found found = {};
	struct thread *thread;
	__u8 protocol;

	if (!selected() || !find(&found, ctx->cx))
		return 0;
	protocol = protocol_of(&found);
	if (!protocol)
		return 0;
	thread = current_thread();
	if (thread && thread->connection) {
		emit_key(&found, protocol, thread->ring, thread->connection);
		return 0;
	}
	for (__u32 ring = 0; ring < MAX_RINGS; ring++) {
		if (ring >= settings.ring_count)
			break;
		emit_key(&found, protocol, ring, 0);
	}
	return 0;
}
