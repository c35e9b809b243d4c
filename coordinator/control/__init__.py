"""The control socket: what people and their tools may see of a node, and the door through which signed commands come.

    control = ControlServer(view, Path("/var/lib/failover"))
    await control.start()               # listens on DIR/control.sock, mode 0660
    ...
    view.bell.ring()                    # something changed: streams and waiters look again
    await control.close()

Reading asks for the right to open the socket. A change asks for an operator's signature, which is checked at the door
and stands in the log. What the server shows it gets through `view.NodeView`, and what it computes from that is pure.
"""
