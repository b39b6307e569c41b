"""The HTTP API that schema/openapi.yaml describes."""
