"""How the world is changed and looked at: addresses, scripts, checks, traps, and the guard. Imports protocol only."""
