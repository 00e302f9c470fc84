"""Heat and faults: limits, thermistors, monitor, fault latch. Knows no protocol and no host."""
