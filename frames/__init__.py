"""
Unary calls between processes of one machine, as frames on a Unix socket.

The contract stays what both sides are compiled from: paths, messages, metadata and status codes are those of gRPC, servicers and
stubs are those that are generated for it. What gRPC does for strangers on other hosts, and costs, is left out.
"""
