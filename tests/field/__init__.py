"""Tests of the representation: codes, decoder, hash grids, Field, Frame."""
