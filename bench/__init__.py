"""Every number that the documents state, measured side by side in one run."""
