"""What an image is: its manifest, its configuration and the profiles of its layers, put together."""
