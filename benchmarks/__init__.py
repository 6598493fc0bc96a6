"""What is fast, and how fast: `python -m benchmarks` (docs/performance.md says what the columns mean)."""
