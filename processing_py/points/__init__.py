"""Request to a tree of points: parsers and decoders. Pure."""
