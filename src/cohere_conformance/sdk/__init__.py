"""The official SDK as a reader of responses: what it raises, what it loses, what it gives with a wrong type.

The SDK is an extra. Modules that import it (`calling`, `comparing`, `mistyped`) are imported on demand
only, and the response that it parses takes the place of the network.
"""
