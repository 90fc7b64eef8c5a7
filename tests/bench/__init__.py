"""Tests of the measurements: they say of a server what is true."""
