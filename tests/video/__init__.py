"""Tests of baked videos and their files."""
