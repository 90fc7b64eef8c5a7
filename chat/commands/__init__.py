"""What `python -m chat` can do besides serving: keys, users, config. Each command is a module with `run`."""
