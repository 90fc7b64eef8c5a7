"""Tests of single rows: that their figures mean what their heads say."""
