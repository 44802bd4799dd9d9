"""HTTP with JSON for gRPC services, compiled from their descriptors: there is no code for any single route."""
