"""Attacks and hits in a relational database."""
