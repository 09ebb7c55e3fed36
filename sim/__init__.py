"""Simulation: benches, the runner that starts them, and the comparison of hardware and golden model."""
