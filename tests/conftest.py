"""Shared by all tests here: the emulators' fixtures and the program under test."""

pytest_plugins = ["emulators.fixtures"]
