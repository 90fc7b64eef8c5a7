"""Every route as an OpenAPI 3.1 document, made from the routes, their bodies and their docstrings."""
