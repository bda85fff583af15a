/** Times in C's way, local and in English. */

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

type Part = (time: Date) => string;

const named = (names: readonly string[], index: number, length?: number) => (names[index] ?? "").slice(0, length);
const two = (value: number, fill = "0") => String(value).padStart(2, fill);
const hour12 = (time: Date) => time.getHours() % 12 || 12;

const parts: Readonly<Record<string, Part>> = {
  Y: (time) => String(time.getFullYear()),
  y: (time) => two(time.getFullYear() % 100),
  m: (time) => two(time.getMonth() + 1),
  d: (time) => two(time.getDate()),
  e: (time) => two(time.getDate(), " "),
  H: (time) => two(time.getHours()),
  I: (time) => two(hour12(time)),
  M: (time) => two(time.getMinutes()),
  S: (time) => two(time.getSeconds()),
  f: (time) => String(time.getMilliseconds() * 1000).padStart(6, "0"),
  p: (time) => (time.getHours() < 12 ? "AM" : "PM"),
  a: (time) => named(days, time.getDay(), 3),
  A: (time) => named(days, time.getDay()),
  b: (time) => named(months, time.getMonth(), 3),
  B: (time) => named(months, time.getMonth()),
  j: (time) => String(dayOfYear(time)).padStart(3, "0"),
  z: formatOffset,
  Z: formatZone,
  F: (time) => strftime("%Y-%m-%d", time),
  T: (time) => strftime("%H:%M:%S", time),
  "%": () => "%",
};

/** Writes a time as C's `strftime` does. What it does not know stays as it is written. */
export function strftime(format: string, time: Date): string {
  return format.replace(/%(.)/gs, (written, letter: string) => {
    return Object.hasOwn(parts, letter) ? (parts[letter] as Part)(time) : written;
  });
}

/** The time as Python's `logging` writes it where nobody says how: `2026-10-05 14:03:59,042`. */
export function defaultTime(time: Date): string {
  return `${strftime("%F %T", time)},${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function dayOfYear(time: Date): number {
  const [year, month, date] = [time.getFullYear(), time.getMonth(), time.getDate()];
  return Math.round((Date.UTC(year, month, date) - Date.UTC(year, 0, 0)) / 86_400_000);
}

function formatOffset(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

function formatZone(time: Date): string {
  const found = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(time);
  return found.find(({ type }) => type === "timeZoneName")?.value ?? "";
}
