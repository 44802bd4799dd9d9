"""Moving users between projects and servers."""
