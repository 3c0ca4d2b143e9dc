"""A layer blob read once, as a stream: inflate, hash, parse tar."""
