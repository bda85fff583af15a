/** Checks given keys against the table, and words what is wrong with them. */

import { type GenericSchema, safeParse } from "valibot";
import { FedmsgError } from "../errors.ts";
import { isMapping, type Mapping } from "./data.ts";
import type { ConfigKey } from "./key.ts";
import type { Path } from "./origin.ts";
import { findKey } from "./schema.ts";

/** One thing that is wrong with a value. */
export interface Problem {
  /** Empty where a whole file is wrong. */
  readonly path: Path;
  /** Where it stands, for what the path does not tell. */
  readonly place?: string;
  /** What was found, in words. */
  readonly found: string;
  /** What should be there, in words. */
  readonly wanted: string;
}

/** The outcome of a check. */
export interface Checked {
  /** The keys that hold, as the library reads them, and unknown keys as they were. */
  readonly values: Mapping;
  readonly problems: readonly Problem[];
  /** Names that are not in the table. */
  readonly unknown: readonly string[];
}

/**
 * Checks each given key, and no others: no defaults are added. `null` stands for "not given", as `None` does in Python,
 * except for keys to which it means something.
 */
export function checkKeys(given: Mapping): Checked {
  const values: Mapping = {};
  const problems: Problem[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const key = findKey(name);
    if (!key) {
      unknown.push(name);
      values[name] = value;
      continue;
    }
    const result = safeParse(key.schema as GenericSchema, value);
    if (result.success) values[name] = result.output;
    else if (value !== null) problems.push(...result.issues.map((issue) => toProblem(name, key, issue)));
  }
  return { values, problems, unknown };
}

type Issue = NonNullable<ReturnType<typeof safeParse<GenericSchema>>["issues"]>[number];

function toProblem(name: string, key: ConfigKey, issue: Issue): Problem {
  const path = [name, ...(issue.path ?? []).map((item) => item.key as string | number)];
  return { path, found: key.secret ? kindOf(issue.input) : describe(issue.input), wanted: issue.message };
}

const problemsShownMax = 100;

/**
 * Makes one error of all problems, a line for each: `file:line: key: found …; wanted …`.
 *
 * @param place names the source of a path's value: `file:line`, or `option`
 */
export function invalid(problems: readonly Problem[], place: (path: Path) => string): FedmsgError {
  return new FedmsgError("FEDMSG_CONFIG_INVALID", invalidLines(problems, place).join("\n"));
}

/** The lines of {@link invalid}. */
export function invalidLines(problems: readonly Problem[], place: (path: Path) => string): readonly string[] {
  const lines = problems
    .slice(0, problemsShownMax)
    .map((problem) => `${problem.place ?? place(problem.path)}: ${writeProblem(problem)}`);
  if (problems.length > problemsShownMax) lines.push(`and ${problems.length - problemsShownMax} more`);
  return lines;
}

function writeProblem({ path, found, wanted }: Problem): string {
  return `${path.length > 0 ? `${writePath(path)}: ` : ""}found ${found}; wanted ${wanted}`;
}

/** Writes a path as in JavaScript, except that the key itself, which may hold dots, stands as it is. */
export function writePath([key, ...steps]: Path): string {
  const written = steps.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return /^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return `${key}${written.join("")}`;
}

const shownLengthMax = 80;

/** Words a value for a message: short ones as they are, collections by their kind. */
export function describe(value: unknown): string {
  if (typeof value !== "string") return typeof value === "object" && value !== null ? kindOf(value) : kindOrText(value);
  const shown = JSON.stringify(value);
  return shown.length > shownLengthMax ? `${shown.slice(0, shownLengthMax)}…` : shown;
}

function kindOrText(value: unknown): string {
  return typeof value === "function" || value === undefined ? kindOf(value) : String(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isMapping(value)) return "a mapping";
  if (typeof value === "string") return "a text";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
