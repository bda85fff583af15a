/** Plain data: what a file can hold. Mappings and lists are walked, every other value is taken as it is. */

/** How deep mappings and lists may be nested in a configuration. */
export const depthMax = 64;

/** How many values a file may hold, each use of a YAML alias counted in full. */
export const valuesMax = 1_000_000;

/** What a mapping of a file is in memory. */
export type Mapping = Record<string, unknown>;

/** Whether a value is a plain object, and so a mapping of the configuration. */
export function isMapping(value: unknown): value is Mapping {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Copies mappings and lists. Members that are `undefined` are left out, and so are those named `__proto__`: nothing in
 * fedmsg is called so, and an assignment to that name would change an object's prototype.
 *
 * @throws RangeError where the data is nested deeper than {@link depthMax} or holds more than {@link valuesMax} values
 */
export function copyData(data: unknown): unknown {
  let values = 0;
  const copy = (value: unknown, depth: number): unknown => {
    if (++values > valuesMax) throw new RangeError(`more than ${valuesMax} values`);
    if (depth > depthMax) throw new RangeError(`nested deeper than ${depthMax} levels`);
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    if (!isMapping(value)) return value;
    const members = Object.entries(value).filter(([key, item]) => key !== "__proto__" && item !== undefined);
    return Object.fromEntries(members.map(([key, item]) => [key, copy(item, depth + 1)]));
  };
  return copy(data, 0);
}

/**
 * Lays one mapping over another: mappings in both are merged at any depth, every other value replaces what was there
 * (`fedmsg/config.py`, `_recursive_update`). Both must come from {@link copyData}, which bounds their depth.
 */
export function mergeData(under: Mapping, over: Mapping): Mapping {
  const merged: Mapping = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    merged[key] = isMapping(below) && isMapping(value) ? mergeData(below, value) : value;
  }
  return merged;
}

/** Freezes a value, and the mappings and lists inside it; a caller's own objects stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (!Array.isArray(value) && !isMapping(value)) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
