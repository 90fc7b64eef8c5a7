"""The version that receipts and the server report."""

VERSION = "0.1.0"
