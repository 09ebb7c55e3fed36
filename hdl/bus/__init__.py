"""The network on a bus: AXI4-Lite with AXI4-Stream, or Wishbone B4 (docs/bus.md); the parts serve both, and others."""
