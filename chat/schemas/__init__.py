"""What each request's body may be: one module per noun."""
