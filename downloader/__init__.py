"""Stage 2: fetch the original bytes of the images found."""
