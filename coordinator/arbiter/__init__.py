"""The arbiter: an etcd cluster that says which node owns a service, asked through its HTTP/JSON gateway.

`questions` has the requests and `answers` the strict reading of what comes back; `gateway` carries both, over TLS, with bounds
in bytes and time; `client` has the four questions that a node asks. What may be concluded from the answers is
`coordinator.core.quorum.arbiter`.
"""
