"""The command `pbmwrap`: parses arguments and prints. Imports nothing heavy at the top."""
