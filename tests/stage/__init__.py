"""Tests of the viewer: cameras, queue, clients, server."""
