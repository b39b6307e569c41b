"""Byte streams to HTTP messages. Pure."""
