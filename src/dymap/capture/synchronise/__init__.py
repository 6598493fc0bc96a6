"""When each camera began to record: from its sound, from what moves, or from a file."""
