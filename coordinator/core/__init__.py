"""The pure core: no clock, no randomness, no sockets, no files, no await.

    effects = core.handle(input, now)      # now: the time as three integers, brought by the shell
    core.wake_at_ms                        # when to call handle(Woke(), now) if nothing else happens

`core.py` knows the parts and their order; each part is a class in a file of its own, which owns its fields and sees what all
share by a `Context`. By concern:

    the run         startup feed_recovery fitness heartbeats removal
    feeds           feed_index feed_writer durability replication quota peer_clocks long_events
    the peers       failure_detector observation_events
    services        services service_lifecycle service_phases service_timers carriers service_checks sharing
    decisions       rounds (what the table is told) agenda (about what it is asked) reconcile (asks, and acts) claims
    operators       commands admission forwarding reconfigure

Votes and leases: `quorum/` is the arithmetic, which no part uses yet. `docs/tour.md` says what the part needs that will.

One shell drives it (`coordinator.shell`), in the daemon (`coordinator.daemon`) and in the simulator (`tools.simulator`). The
auditor (`tools.audit`) runs the reducer and the decide table alone.
"""
