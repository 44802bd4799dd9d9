"""The gRPC service: what the contract says, done."""
