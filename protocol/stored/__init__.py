"""How a configuration that a log holds is read, value by value: by rules that do not change any more (decision 0065)."""
