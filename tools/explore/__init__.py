"""Everything that three voters can do up to a stated depth, played with the production core: no two may ever own.

    python -m tools.explore --help
    Search("owned", Bounds(depth=6, accidents=2), kept).run(tell)

Nothing here is a model of the core. A node is a `Core`, kept as bytes between two inputs; what it may receive next, and in
which order, is what is explored (docs/leases.md, "What the exploration says").
"""
