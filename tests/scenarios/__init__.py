"""Behaviour of synced tables as text: see README.md."""
