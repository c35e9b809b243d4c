"""Majority leases: who may own what must never run twice. docs/leases.md has the argument.

`arithmetic` says what a majority is and how the set of voters may change, `promise` is the voter's side (what it has promised,
and whether it may vote), `lease` the holder's side (how long it may own). `arbiter` is what an etcd says in the place of votes,
`arbitration` what a node asks it and concludes. All are pure and know nothing of feeds and heartbeats; tests/quorum plays them.
"""
