"""Heat and faults: thermistors, temperature limits, checks of sensors and heat, the fault latch.
Knows no protocol and no host."""
