"""Contract and conformance testing of every server that speaks the Cohere REST API."""

__version__ = "0.1.0"
