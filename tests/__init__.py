"""Tests, in folders that mirror src/dymap; names of tests are sentences."""
