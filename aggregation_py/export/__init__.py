"""Hits to the cloud: batches, retry, nothing lost while the cloud is away (bounded, counted)."""
