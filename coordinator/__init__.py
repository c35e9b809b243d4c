"""The fold (`state`), the table (`decision`), one node in time (`core`), how it is configured, and the process around it."""
