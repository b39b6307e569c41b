"""A real nginx, real traffic and the product in host mode: the demonstration, and what tests and benches run on."""
