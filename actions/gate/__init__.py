"""The kernel's lease: an address answers only while it is refreshed, with every process of ours stopped or killed.

    gate = Gate.enter()                 # raises NoGate, with the sentence for `failc status`
    web = Gated([ip_address("10.77.0.100"), ip_address("fd77::100")])
    gate.shut(web)                      # before the address is added: nothing answers for it yet
    gate.open(web, ends_ms)             # the core's word: a lease that lives. Then the address, then its announcement
    gate.refresh([(web, ends_ms)])      # with each heartbeat; never makes an element anew
    gate.close(web)                     # the address is gone; with the last one goes our table

docs/leases.md says what the kernel is told and why it is enough. Nothing here imports more than Python's library and
`protocol.invariant`.
"""
