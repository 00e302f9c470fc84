// USB vendors whose ports may be a wrap, and those whose lines reset nothing: pbmwrap/portable/usb_ids.py.
// They stand here as well because a press may come before Python is ready.

export const USB_VENDORS = [0x0403, 0x10c4, 0x1a86, 0x2e8a, 0x303a];
export const NO_RESET_LINES = [0x2e8a];
