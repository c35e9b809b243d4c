"""`make demo`: the six demonstrations of the slides of 2000, with real nodes on this machine.

`acts` has one function for each, `stage` is the laboratory with a narrator who reads the nodes' own events as they are
written, and `verdict` asks the auditor at the end whether every node can tell the same story.
"""
