"""What a session is: protocol model and rules, state machine. Owns no pin."""
