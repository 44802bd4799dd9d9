"""Between wire types and nouns, one module per resource. Pure functions: `to_x` makes a wire message, `from_x` a noun."""
