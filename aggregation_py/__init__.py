"""Keeps what processing found, and exports it to the cloud."""
