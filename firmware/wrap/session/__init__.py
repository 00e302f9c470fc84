"""Sessions: start rules, self-test, state machine, caps, wake check, records. Owns no pin."""
