"""Masks of what was filmed: one file a method, pure functions on pictures; `make.py` does it for a whole capture."""
