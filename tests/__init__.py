"""All tests. They mirror the packages one to one; ``tests.run`` runs them tier by tier."""
