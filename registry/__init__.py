"""The protocol: names, digests and manifests as pure values; polite HTTP and the registry client."""
