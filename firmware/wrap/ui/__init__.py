"""What a person touches and sees: button gestures, indicator patterns."""
