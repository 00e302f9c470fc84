"""What must survive power: record log, settings, protocols. Knows no lamp."""
