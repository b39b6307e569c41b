"""What every program of the product shares: contracts, configuration, logs, metrics, health."""
