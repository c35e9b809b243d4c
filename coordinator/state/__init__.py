"""The fold: what a log says, and nothing that this program or this machine adds to it."""
