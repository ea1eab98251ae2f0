"""Thousands of readers of the live figures against one process: see __main__.py."""
