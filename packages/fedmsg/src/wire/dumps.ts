import { writeJson } from "./json-writer.ts";

/**
 * Writes a value as the JSON that goes over the wire: keys sorted, no space, ASCII only, numbers as Python spells them
 * (`fedmsg/encoding/__init__.py`). What stands for what is listed at the top of `json-writer.ts`.
 *
 * `NaN` and the infinities are written as Python writes them, though they are not JSON; `publish` refuses them.
 *
 * @throws FedmsgError FEDMSG_ENCODE naming the path to a value that has no JSON form
 * @example
 * ```ts
 * dumps({ b: new Float(1), a: [1n, "é"] }); // '{"a":[1,"\\u00e9"],"b":1.0}'
 * ```
 */
export function dumps(value: unknown): string {
  return writeJson(value, { sort: "python", indent: 0, allowNan: true });
}

/**
 * Writes a value for people: two spaces for each level, keys in the order they have (`pretty_dumps`).
 *
 * @throws FedmsgError FEDMSG_ENCODE naming the path to a value that has no JSON form
 */
export function prettyDumps(value: unknown): string {
  return writeJson(value, { sort: "none", indent: 2, allowNan: true });
}
