"""Data that must survive power loss: record log, settings, protocols. Knows no lamps."""
