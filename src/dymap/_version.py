"""The version of dymap."""

__version__ = "0.1.0"
