"""Training: from a capture to a field."""
