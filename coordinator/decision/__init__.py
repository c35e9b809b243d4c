"""The decide table, the question that is put to it, and the same table run again over history."""
