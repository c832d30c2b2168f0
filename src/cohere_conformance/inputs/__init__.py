"""Limits for all input: which files are opened, how deeply they nest, how long and how many values are."""
