"""Exchanges to the processing node: bounded queue, batches, HTTPS."""
