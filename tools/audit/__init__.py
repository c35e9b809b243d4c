"""The auditor: the same reducer and the same table over history. `failaudit` is its command line."""
