"""oobctl: run the product on one host, look at it, classify requests."""
