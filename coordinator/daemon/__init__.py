"""The shell around the core: sockets, files, processes and clocks. What decides lives in coordinator.core."""
