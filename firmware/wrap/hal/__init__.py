"""The only rooms that know a chip. The contract is in `contract.py`."""
