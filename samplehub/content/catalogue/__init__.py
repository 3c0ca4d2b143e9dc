"""The catalogue: which systems, packages, images and repositories the sample hub has. Tables, no code."""
