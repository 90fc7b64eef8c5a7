"""Who may speak, and how much: host names, foreign pages, keys and sessions, scopes, limits, response headers.

`doors` stands before and after every view; the rest are its parts, each of which can be tried alone.
"""
