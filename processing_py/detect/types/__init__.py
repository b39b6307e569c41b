"""One module per attack type: its literals, its small grammar, its weights."""
