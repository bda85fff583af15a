/** What may stand in a formatter's places, and how it is made as wide as they are. */

import { escapeLine } from "fedmsg/command";
import type { Entry, Format } from "./entry.ts";
import { levels, pythonNames } from "./levels.ts";
import { defaultTime, strftime } from "./strftime.ts";

/** One place of a template. */
export interface Place {
  /** What stands there: `asctime`, `name`, `levelname`, … */
  readonly name: string;
  /** `s` as text, `d` as a whole number, `f` with decimals; none: as it is. */
  readonly type?: string | undefined;
  readonly align?: "left" | "right" | "middle" | undefined;
  readonly width?: number | undefined;
  /** Decimals of a number, or the most characters of a text. */
  readonly precision?: number | undefined;
  readonly zeros?: boolean;
}

/** Makes the function that fills a place. @returns nothing where we have not what shall stand there */
export function compilePlace(place: Place, datefmt: string): Format | undefined {
  const { name, type = "", align, width = 0, precision } = place;
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) return undefined;
  const isNumber = typeof field(sample, datefmt) === "number" && type !== "s";
  if (!(isNumber ? ["", "d", "i", "f"] : ["", "s"]).includes(type)) return undefined;
  const side = align ?? (isNumber ? "right" : "left");
  const fill = place.zeros && isNumber && side === "right" ? "0" : " ";
  return (entry) => pad(show(field(entry, datefmt), type, precision), side, width, fill);
}

type Field = (entry: Entry, datefmt: string) => string | number;

const fields: Readonly<Record<string, Field>> = {
  asctime: ({ time }, datefmt) => (datefmt ? strftime(datefmt, time) : defaultTime(time)),
  created: ({ time }) => time.getTime() / 1000,
  msecs: ({ time }) => time.getMilliseconds(),
  name: ({ name }) => name,
  levelname: ({ level }) => pythonNames[level],
  levelno: ({ level }) => levels[level],
  message: ({ message }) => escapeLine(message), // It may hold text from the bus.
  process: () => process.pid,
};

const sample: Entry = { time: new Date(0), level: "info", name: "", message: "" };

function show(value: string | number, type: string, precision: number | undefined): string {
  if (typeof value === "number" && type === "f") return value.toFixed(precision ?? 6);
  if (typeof value === "number" && type !== "s") return String(type === "" ? value : Math.trunc(value));
  return String(value).slice(0, precision);
}

function pad(text: string, side: "left" | "right" | "middle", width: number, fill: string): string {
  if (side === "left") return text.padEnd(width, fill);
  if (side === "right") return text.padStart(width, fill);
  return text.padStart(Math.floor((width + text.length) / 2), fill).padEnd(width, fill);
}
