"""The user interface on the wrap: button gestures, indicator and buzzer patterns."""
