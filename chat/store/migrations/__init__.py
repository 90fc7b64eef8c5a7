"""The steps from one shape of the tables to the next; `chat.store.migrate` takes them."""
