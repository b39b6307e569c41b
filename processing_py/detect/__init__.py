"""Gate, one scan, one confirmer per attack type, scoring. Pure."""
