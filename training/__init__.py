"""Watching and steering training runs, and long work in processes of its own. Knows no web and needs no torch."""
