"""The guard's other end: what it is told, how it is started, and the lock that outlives both."""
