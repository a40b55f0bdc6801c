/** Sizes, times and lengths of time, in the reader's way. */

import { _, fill, locale, ngettext, pgettext } from "./text.js";

const SIZES = ["kB", "MB", "GB", "TB", "PB", "EB"];

/** @param {number} bytes in the units that are printed on disks: powers of 1000 */
export function size(bytes) {
  let value = bytes;
  let unit = "B";
  for (const next of SIZES) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  const digits = unit === "B" || value >= 99.95 ? 0 : 1;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const number = new Intl.NumberFormat(locale(), format).format(value);
  return fill(_("{number} {unit}"), { number, unit: _(unit) });
}

/** @param {number} bytes in a second */
export const speed = (bytes) => fill(_("{size}/s"), { size: size(bytes) });

/** @param {number} fraction from 0 to 1 */
export const percent = (fraction) =>
  // Never 100 % before the end.
  fill(_("{number}%"), { number: Math.floor(fraction * 100) });

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {number} micros since the epoch; 0 = never
 * @param {Intl.DateTimeFormatOptions} options
 */
function written(micros, options) {
  const key = locale() + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), options);
    formats.set(key, format);
  }
  const date = new Date(micros / 1000);
  return micros && !Number.isNaN(date.getTime()) ? format.format(date) : _("never");
}

/** @param {number} micros since the epoch; 0 = never */
export const moment = (micros) => written(micros, { dateStyle: "medium", timeStyle: "short" });

/** @param {number} micros since the epoch; 0 = never */
export const day = (micros) => written(micros, { day: "numeric", month: "short" });

/** @param {number} micros since the epoch, for programs; empty = never */
export function iso(micros) {
  const date = new Date(micros / 1000);
  return micros && !Number.isNaN(date.getTime()) ? date.toISOString() : "";
}

/** @param {number} seconds told by its two greatest units */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  if (days) return fill(_("{days} d {hours} h"), { days, hours });
  if (hours) return fill(_("{hours} h {minutes} min"), { hours, minutes: two(minutes) });
  if (minutes) return fill(_("{minutes} min {seconds} s"), { minutes, seconds: two(whole % 60) });
  return fill(_("{seconds} s"), { seconds: whole });
}

/**
 * @param {number} micros since the epoch; 0 = never
 * @param {number} now ms since the epoch
 */
export function ago(micros, now) {
  if (!micros) return _("never");
  const minutes = Math.floor((now - micros / 1000) / 60_000);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return ngettext("{n} day ago", "{n} days ago", days);
  if (hours > 0) return ngettext("{n} hour ago", "{n} hours ago", hours);
  if (minutes > 0) return ngettext("{n} minute ago", "{n} minutes ago", minutes);
  return _("just now");
}

/** NAME as it is quoted in a sentence. @param {string} name */
export const quoted = (name) => fill(pgettext("name of a disk", "“{name}”"), { name });
