"""`failc`: what an operator types. It asks a node over its control socket and signs each change with the operator's key."""
