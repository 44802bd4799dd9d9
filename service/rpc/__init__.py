"""The gRPC transport: servicers that decode, call one use case and encode, and the interceptors around them."""
