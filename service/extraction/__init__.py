"""What reads a finished session and says what is worth keeping of it, one package per extractor."""
