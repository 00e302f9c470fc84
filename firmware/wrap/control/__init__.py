"""Light: lamp channels, ramps, supply limit, dose. May not decide whether light is allowed."""
