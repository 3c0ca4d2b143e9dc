"""The command line: configuration, progress, and the only place that builds objects and runs stages."""
