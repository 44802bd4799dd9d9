"""The engines that Mneme brings along: a Valkey server and a Qdrant engine, each a process of its own behind a Unix socket."""
