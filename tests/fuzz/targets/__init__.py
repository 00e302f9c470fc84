"""One module per decoder, each with `one(data)`: any bytes, and AssertionError when an invariant
does not hold. Those of FIRMWARE run on MicroPython as well."""

FIRMWARE = (
    "frames",
    "records",
    "payloads",
    "protocol",
    "stores",
    "flashfiles",
    "ring",
    "server",
)
HOST = ("logs", "client", "toml")
ALL = FIRMWARE + HOST
