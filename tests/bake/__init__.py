"""Tests of baking: which voxels are occupied."""
