"""Light: lamp channels, ramps, supply limit, dose. Does not decide whether light is allowed."""
