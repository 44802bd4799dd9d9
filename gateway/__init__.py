"""The HTTP gateway: REST, server-sent events and OpenAPI from the contract, over one gRPC channel."""
