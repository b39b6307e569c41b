"""The node: intake over HTTPS, detection workers, counters."""
