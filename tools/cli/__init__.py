"""What the commands for people have in common: `failc` and `failaudit`, and the demonstration."""
