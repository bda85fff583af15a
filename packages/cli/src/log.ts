import type { Log } from "fedmsg/command";
import { escapeLine } from "./escape.ts";

/** A log on stderr: one line for each entry, with the local time. */
export function createLog(name: string): Log {
  const write = (level: string, text: string) => {
    process.stderr.write(`[${timestamp(new Date())}] ${name}: ${level}${escapeLine(text)}\n`);
  };
  return {
    debug: () => {},
    info: (text) => write("", text),
    warn: (text) => write("warning: ", text),
    error: (text) => write("error: ", text),
  };
}

function timestamp(now: Date): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}
