"""What exists on this node: processes, containers, the libraries they map."""
