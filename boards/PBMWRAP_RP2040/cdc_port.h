// Forced in front of mp_usbd_cdc.c only: how long a write to a full USB port may wait, in ms, and
// another name for what takes arrived bytes one by one (wrap_usb.c has our own).
#include "py/mphal.h"
#undef MICROPY_HW_USB_CDC_TX_TIMEOUT
mp_uint_t pbmwrap_cdc_patience_ms(void);
#define MICROPY_HW_USB_CDC_TX_TIMEOUT (pbmwrap_cdc_patience_ms())
#define tud_cdc_rx_cb pbmwrap_stock_rx_cb
