"""Stage 4: what the census found, as tables and as a document."""
