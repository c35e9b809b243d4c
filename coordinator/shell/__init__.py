"""What is between the core and the world: one shell for the daemon and the simulator, written against small ports."""
