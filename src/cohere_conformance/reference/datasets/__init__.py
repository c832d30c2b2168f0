"""Datasets as the server keeps them: what each type is, how files are read, and what becomes of them."""
