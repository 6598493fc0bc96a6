"""Tests of what is played: Video, films, meshes, the page."""
