"""The pure core: no clock, no randomness, no sockets, no files, no await.

    effects = core.handle(input, now)      # now: the time as three integers, brought by the shell
    core.wake_at_ms                        # when to call handle(Woke(), now) if nothing else happens

Three shells drive it: the daemon (`coordinator.daemon`), the simulator (`tools.simulator`) and, for the
reducer and the decide table, the auditor (`tools.audit`).
"""
