"""What the server remembers: conversations, messages, presets. SQLite by default, PostgreSQL by its address.

Only `opening` may be imported by the rest of the web at its start; the others bring SQLAlchemy with them.
"""
