"""Tests of captures: readers, preparation, cache, boxes, hull."""
