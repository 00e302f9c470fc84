"""What device and host share: limits, fault codes, session states, protocol rules. No I/O."""
