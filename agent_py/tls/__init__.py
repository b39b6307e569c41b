"""TLS records to plaintext: handshake messages, key store, record protection. Pure."""
