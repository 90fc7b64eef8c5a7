"""Kernels in C for steps on a CPU: built on first use where a compiler is, with torch as their oracle in the tests."""
