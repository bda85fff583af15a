import { createRequire } from "node:module";
import type { Entry, Format } from "./entry.ts";

const load = createRequire(import.meta.url);
let lines: Format | undefined;

/**
 * Entries as lines of JSON, for programs: `{"level":"info","time":"2026-10-05T12:00:00.000Z","pid":7,"hostname":"app01",
 * "name":"fedmsg.relay","msg":"…"}`. pino is loaded for the first of them, as that takes longer than most commands have
 * to say anything; synchronously, so that no entry waits for it or is lost where the process ends.
 */
export function formatJson(entry: Entry): string {
  lines ??= createFormat();
  return lines(entry);
}

function createFormat(): Format {
  const { pino } = load("pino") as typeof import("pino");
  let time = "";
  let line = "";
  const options = {
    level: "debug",
    formatters: { level: (level: string) => ({ level }) },
    timestamp: () => `,"time":"${time}"`,
  };
  const write = (text: string) => {
    line = escapeInJson(text.trimEnd());
  };
  const logger = pino(options, { write });
  return ({ time: at, level, name, message }) => {
    time = at.toISOString();
    logger[level]({ name }, message);
    return line;
  };
}

/** JSON need not escape all that moves a cursor or turns text around (see `escapeControls`); where it is read, a person may be. */
function escapeInJson(line: string): string {
  return line.replace(/[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
