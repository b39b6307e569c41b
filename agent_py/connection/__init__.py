"""Chunks to ordered byte streams with gaps, one connection at a time. Pure."""
