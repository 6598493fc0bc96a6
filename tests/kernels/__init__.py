"""Tests of operations: the references against brute force, and every back end against the references."""
