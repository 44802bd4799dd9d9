"""The commands of `mneme` that end by themselves, each a module; `service/__main__.py` puts them into one table."""
