"""The log: the feeds of all nodes in one SQLite file, and what can be proved of it. Imports protocol only."""
