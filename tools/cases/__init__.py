"""The case studies: real daemons of Debian, moved by real nodes in the laboratory, asked by real clients. docs/case-studies.md

`case.py` says what a case is, `stage.py` gives each node a machine of its own with the files of `examples/NAME`, and each case
is one file. `python -m tools.cases` (`make cases`) plays them and prints the table.
"""
