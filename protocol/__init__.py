"""What nodes say, and who said it.

Bytes on a link become a frame, a frame becomes a `Verified` message, and only that reaches the core.
This package imports none of ours: `tools -> coordinator -> {store, actions} -> protocol`.
"""
