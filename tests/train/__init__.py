"""Tests of training: batches, losses, optimiser, loop, several processes, resumption."""
