// Formats times in the reader's language and time zone. Sets no timers. Times are in milliseconds since 1970; a day is a
// key, "YYYY-MM-DD".

/** Makes a formatter. Slow, so that each is made once. @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(undefined, options).format;

/** @type {Intl.DateTimeFormatOptions} */
const DAY = { weekday: "long", day: "numeric", month: "long" };
const formatDay = format(DAY);
const formatOldDay = format({ ...DAY, year: "numeric" });

/** Formats hour and minute. */
export const clock = format({ hour: "numeric", minute: "numeric" });

/** Formats date and time. */
export const fullTime = format({ dateStyle: "full", timeStyle: "short" });

/** Returns the local day of a time. @param {number} at */
export function dayKey(at) {
  const day = new Date(at);
  const pad = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`;
}

/** Returns when a day starts. This is not always 0:00: some clocks change at midnight. @param {string} key */
export function startOfDay(key) {
  const [year = 0, month = 0, day = 0] = key.split("-").map(Number);
  return new Date(year, month - 1, day).getTime();
}

/** Names a day: today, yesterday, or a date, with its year if that is another one. @param {string} key */
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
