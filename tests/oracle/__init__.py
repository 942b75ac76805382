"""Exact comparison of what Spillway hands out with what Spark read from the same tables."""
