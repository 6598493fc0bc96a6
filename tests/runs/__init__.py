"""Tests of what the commands do, called from Python."""
