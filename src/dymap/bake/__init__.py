"""Baking: which voxels of every frame hold something."""
