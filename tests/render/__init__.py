"""Tests of renderers and images."""
