"""Stage 3: profile every layer and image."""
