"""The agent: mirrors the HTTP traffic of chosen workloads on this node, without touching it."""
