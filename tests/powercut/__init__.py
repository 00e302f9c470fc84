"""Power cuts at every flash operation, on the simulator and on the emulated binary."""
