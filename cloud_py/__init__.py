"""The cloud: stores attacks, serves the API and the console."""
