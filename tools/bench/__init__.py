"""`make bench`: the figures of docs/benchmarks.md, measured with real nodes, each beside its limit."""
