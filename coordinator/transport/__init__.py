"""What travels between nodes: listening, dialling, sessions over TLS, sealed datagrams, and what is refused on the way."""
