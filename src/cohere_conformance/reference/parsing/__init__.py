"""Parsing of document pages: pixels, then characters, then blocks."""
