"""Cameras, rays, boxes and paths: the mathematics of where things are and from where they are seen."""
