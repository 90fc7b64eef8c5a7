"""One reader a kind of log, ours and other tools'. Each is fed bytes as a file grows and gives rows of numbers."""
