"""Polite HTTP: the only place that opens sockets, sleeps, retries and throttles."""
