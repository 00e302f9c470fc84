// Requests for which Python needs the TOML library (device/toml_reader.js).

export const READS_TOML = ["check", "flash"];
