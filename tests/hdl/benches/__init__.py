"""Benches of the hardware's units, one a file: each shows a unit and its golden model twin the same inputs."""
