"""What kind of file the bytes are: the taxonomy of the paper."""
