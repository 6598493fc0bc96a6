"""The examples run as scripts, at a small size."""
