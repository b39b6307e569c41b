/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel programs tell the workers. agent_py/chunk.py has the same
 * layout; a test compares it with the BTF of the compiled objects.
 */
#ifndef OOB_CHUNK_H
#define OOB_CHUNK_H

enum chunk_kind {
	CHUNK_OPEN = 1,		/* payload: struct open_info */
	CHUNK_DATA = 2,		/* payload: the first bytes that were moved */
	CHUNK_CLOSE = 3,	/* conn 0: the process ended with all it had open */
	CHUNK_KEY = 4,		/* payload: struct key_info */
	CHUNK_TLS = 5,		/* recordings only, see chunk.py */
};

enum chunk_direction {
	INGRESS = 0,		/* client to server */
	EGRESS = 1,
};

enum chunk_flags {
	CHUNK_LATE = 1,		/* OPEN: older than the capture */
	CHUNK_CUT = 2,		/* DATA: captured < size by design */
	CHUNK_FAULT = 4,	/* DATA: user memory could not be read */
	CHUNK_DECRYPTED = 8,	/* DATA of a recording: plaintext of TLS */
};

enum key_protocol {
	TLS13_TRAFFIC_SECRET = 1,
	TLS12_MASTER_SECRET = 2,
};

struct chunk {
	__u64 conn;		/* unique while the programs are loaded */
	__u64 time;		/* ns, CLOCK_MONOTONIC */
	__u64 offset;		/* of the first byte in its direction's stream */
	__u32 size;		/* bytes moved that this chunk speaks of */
	__u32 captured;		/* bytes behind this header */
	__u32 tgid;		/* in the initial pid namespace */
	__u32 tid;
	__u32 mount_namespace;	/* inode */
	__s32 fd;
	__u32 lost;		/* chunks of this direction lost since the last */
	__u8 kind;
	__u8 direction;
	__u16 flags;
};

struct open_info {
	__u8 local[16];		/* IPv6, IPv4 mapped */
	__u8 remote[16];
	__u16 local_port;	/* host order */
	__u16 remote_port;
	__u32 pid;		/* in the agent's pid namespace, 0: none */
	__u32 network_namespace;
	char comm[16];
};

struct key_info {
	__u8 protocol;		/* enum key_protocol */
	__u8 secret_size;
	__u16 reserved;
	__u8 secret[64];
	__u8 client_random[32];	/* TLS 1.2 only */
	__u8 server_random[32];
};

#endif
