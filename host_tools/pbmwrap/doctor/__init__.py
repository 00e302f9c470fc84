"""What `pbmwrap doctor` looks at: this machine, its USB, the wrap. It changes nothing."""
