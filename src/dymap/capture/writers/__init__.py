"""One file a layout: writing a capture."""
