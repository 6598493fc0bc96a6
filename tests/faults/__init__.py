"""Faults on purpose: commands that are killed, disks that are full, files that are damaged (docs/reliability.md)."""
