"""Readers: one file a layout on disk. Each only translates, and says how sure it is that a folder is its own."""
