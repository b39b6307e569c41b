"""The whole path on a real kernel with a real nginx."""
