"""Tests of cameras, rays, boxes and paths."""
