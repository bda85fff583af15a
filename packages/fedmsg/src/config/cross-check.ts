/** What holds between keys: each may be right by itself, and both together wrong. */

import type { Problem } from "./check.ts";
import type { Mapping } from "./data.ts";
import { configKeys } from "./schema.ts";

/**
 * Checks values that each passed their own check; where a key is not given, its default counts.
 *
 * @param values of some or all keys
 */
export function checkTogether(values: Mapping): readonly Problem[] {
  const value = (name: "outbox" | "outbox_max_age" | "relay_confirm" | "replay_window") =>
    values[name] ?? configKeys[name].default;
  if (value("outbox") === null) return [];
  const problems: Problem[] = [];
  if ((value("relay_confirm") as readonly string[]).length === 0) {
    const wanted = "the relay's, which takes what is in the outbox";
    problems.push({ path: ["outbox"], found: "no address in relay_confirm", wanted });
  }
  const [window, maxAge] = [Number(value("replay_window")), Number(value("outbox_max_age"))];
  if (window > 0 && (maxAge === 0 || maxAge > window)) {
    const wanted =
      `0, or outbox_max_age from 1 to ${window}: it is ${maxAge}${maxAge === 0 ? ", without limit" : ""}, and a message ` +
      "that waited in the outbox for longer than replay_window would be refused as too old";
    problems.push({ path: ["replay_window"], found: String(window), wanted });
  }
  return problems;
}
