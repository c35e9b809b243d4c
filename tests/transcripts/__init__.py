"""Golden transcripts: what one node does, as text. Each `*.txt` is a story: a line at the margin is what happens to the node,
the indented lines below it are what it orders and writes because of that.

    make transcripts                        # play all stories and write what comes out below their lines
    make transcripts ARGS="split-brain"     # one of them

`tests/core/test_transcripts.py` plays them and shows a difference. A change of the core that changes a transcript is read as a
diff of behaviour: it is right, or it is a fault.

`language` has the lines that a story can have, `stage` the node with its disk, its guard and its clocks, `peers` the others,
`words` what is printed. The core is reached by its inputs and effects alone, so a story outlives a change of what is inside.
"""
