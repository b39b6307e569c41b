"""Schema versions of the store, run at every start."""
