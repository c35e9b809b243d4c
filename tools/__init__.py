"""What people run: failc, failaudit, the simulator, the laboratory, the demo and the benchmark."""
