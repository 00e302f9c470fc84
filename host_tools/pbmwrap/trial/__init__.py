"""The blinded self-trial on the host: plan, power, entries, analysis (docs/trial.md)."""
