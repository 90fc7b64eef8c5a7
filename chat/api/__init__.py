"""One blueprint per noun. A view parses, calls and shapes."""
