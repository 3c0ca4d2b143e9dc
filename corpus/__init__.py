"""What is kept under ``data/``: catalog, blobs, profiles."""
