"""Facts shared by the device and the host: limits, fault codes, session states, protocol rules.

These modules do no I/O and import nothing of wrap except `wrap.compat` and each other.
"""
