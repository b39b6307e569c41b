"""Detects attacks in mirrored exchanges."""
