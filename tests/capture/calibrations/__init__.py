"""Tests of the readers of calibrations."""
