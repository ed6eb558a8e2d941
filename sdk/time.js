// What times are called, in the reader's language and time zone. Sets no timers. Times are in milliseconds since 1970;
// a day is a key, "YYYY-MM-DD".

/** Made once, which is slow. @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(undefined, options).format;

/** @type {Intl.DateTimeFormatOptions} */
const DAY = { weekday: "long", day: "numeric", month: "long" };
const formatDay = format(DAY);
const formatOldDay = format({ ...DAY, year: "numeric" });

export const clock = format({ hour: "numeric", minute: "numeric" });

/** Date and time. */
export const fullTime = format({ dateStyle: "full", timeStyle: "short" });

/** @param {number} at */
export function dayKey(at) {
  const day = new Date(at);
  const pad = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`;
}

/** Not always at 0:00: some clocks change at midnight. @param {string} key */
export function startOfDay(key) {
  const [year = 0, month = 0, day = 0] = key.split("-").map(Number);
  return new Date(year, month - 1, day).getTime();
}

/** @param {string} key */
export function dayLabel(key, now = Date.now()) {
  const today = dayKey(now);
  const start = startOfDay(key);
  if (key === today) return "Today";
  if (key === dayKey(startOfDay(today) - 1)) return "Yesterday";
  return key.slice(0, 4) === today.slice(0, 4) ? formatDay(start) : formatOldDay(start);
}

export function msUntilMidnight(now = Date.now()) {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime() - now;
}
