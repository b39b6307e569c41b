/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Settings and maps, the same in each object; the loader makes the objects
 * share them and sets the sizes that depend on its configuration.
 */
#ifndef OOB_MAPS_H
#define OOB_MAPS_H

#include "kernel.h"
#include "chunk.h"
#include "counters.h"

#define PIECE		16384	/* bytes of one chunk at most */
#define MAX_EGRESS	(PIECE / 2)	/* so that the verifier may add two bounds */
#define MAX_RINGS	64

struct settings {
	__u32 by_process;	/* select by map `processes`, else `workloads` */
	__u32 pid_namespace;	/* inode of the agent's; 0: the initial one */
	__u32 egress_bytes;	/* of each write operation, at most MAX_EGRESS */
	__u32 ring_count;	/* 1 .. MAX_RINGS */
};

const volatile struct settings settings = { 0, 0, 2048, 1 };

struct connection_key {
	__u32 tgid;		/* see key_of */
	__s32 fd;
};

enum connection_state {
	CONNECTION_IGNORED,	/* not TCP, outgoing, or a port not asked for */
	CONNECTION_NEW,		/* its OPEN did not fit into the ring yet */
	CONNECTION_OPEN,
};

struct connection {
	__u64 id;
	__u64 offset[2];	/* per enum chunk_direction */
	__u32 lost[2];
	__u32 mount_namespace;
	__u32 ring;
	__u32 state;
	__u16 late;
	__u16 local_port;
};

/* Which connection a thread read last. Kept until the thread ends. */
struct thread {
	__u64 connection;
	__u32 ring;
	__u32 pad;
};

/* Where the bytes of the running operation are: segments of user memory. */
struct cursor {
	__u64 segment;
	__u64 left;		/* in the segment */
	__u64 vector;		/* iovecs still to read */
	__u64 vectors;
	__u64 remaining;	/* bytes of the operation not emitted yet */
};

struct scratch {
	__u64 connections;	/* given out on this CPU */
	struct cursor cursor;
	struct chunk chunk;
	union {
		struct open_info open;
		__u8 data[PIECE];
	};
};

struct counters {
	__u64 slots[COUNTERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);	/* mount namespace, inode */
	__type(value, __u8);
} workloads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);	/* tgid in the agent's pid namespace */
	__type(value, __u8);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u16);	/* local port; 0: only listed ports */
	__type(value, __u8);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);	/* tid in the initial pid namespace */
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counts SEC(".maps");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MAX_RINGS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct ring);
} rings SEC(".maps");

/* A consumer writes 1 before it sleeps; who adds a record then wakes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_RINGS);
	__type(key, __u32);
	__type(value, __u64);
} sleepers SEC(".maps");

static __always_inline struct counters *counters_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counts, &zero);
}

static __always_inline void count(__u32 slot, __u64 amount)
{
	struct counters *counters = counters_of_cpu();

	if (counters && slot < COUNTERS)
		counters->slots[slot] += amount;
}

#endif
