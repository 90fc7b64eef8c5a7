"""Long work on one checkpoint that needs no server: looking it through, writing it in another format."""
