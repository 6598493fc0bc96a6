"""Tests of metrics, LPIPS and reports."""
