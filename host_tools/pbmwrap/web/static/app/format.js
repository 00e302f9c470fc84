// Numbers, times and names as people read them. Units of the arguments are in the names.

import { getLanguage, t, tOr } from "./text.js";

export function number(value, digits = 0) {
  return value.toLocaleString(getLanguage(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function degrees(mc) {
  return mc === null || mc === undefined ? t("temp.none") : `${number(mc / 1000, 1)}\u00a0°C`;
}

export function dose(uj) {
  return uj === null || uj === undefined ? null : `${number(uj / 1e6, 2)}\u00a0J/cm²`;
}

export function joules(j) {
  return `${number(j, 1)}\u00a0J/cm²`;
}

export function percent(part) {
  return `${number(part * 100)}\u00a0%`;
}

/** 8:05 */
export function clockText(seconds) {
  const s = Math.max(0, Math.round(seconds));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

/** "8 min 5 s", "3 h 20 min", "2 days 4 h": the two largest units. */
export function durationText(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(s / 86400), "unit.day"],
    [Math.floor(s / 3600) % 24, "unit.hour"],
    [Math.floor(s / 60) % 60, "unit.minute"],
    [s % 60, "unit.second"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return t("unit.second", { n: 0 });
  const shown = parts.slice(first, first + 2).filter(([n]) => n > 0);
  return shown.map(([n, key]) => t(key, { n })).join(" ");
}

export function dateTime(unixMs) {
  return new Date(unixMs).toLocaleString(getLanguage(), {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });
}

export function dayText(date) {
  return date.toLocaleDateString(getLanguage(), {
    weekday: "long", day: "numeric", month: "long", year: "numeric",
  });
}

/** "2026-11-29" as a date of this machine's zone. */
export function readDay(iso) {
  return new Date(`${iso}T00:00`);
}

/** A day of this machine's zone as "2026-11-29". */
export function isoOf(day) {
  const two = (n) => String(n).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** "29 Nov 2026" of "2026-11-29". */
export function shortDay(iso) {
  return readDay(iso).toLocaleDateString(getLanguage(), {
    day: "numeric", month: "short", year: "numeric",
  });
}

/** yyyymmdd as the wrap stores it. */
export function storedDate(value) {
  const s = String(value || "");
  if (!/^\d{8}$/.test(s)) return s;
  const date = new Date(Number(s.slice(0, 4)), Number(s.slice(4, 6)) - 1, Number(s.slice(6)));
  return date.toLocaleDateString(getLanguage(), { day: "numeric", month: "long", year: "numeric" });
}

export function sensorName(name) {
  return tOr(`sensor.${name}`, name);
}

export function channelName([name, nm]) {
  return t("channel.with-nm", { name: tOr(`channel.${name}`, name), nm });
}

export function endText(reason) {
  return reason ? tOr(`end.${reason}`, reason) : t("end.none");
}
