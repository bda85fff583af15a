/** What a test expects of a `msg`: a schema of any library that speaks Standard Schema, or a function. */

import { toLine } from "../wire/escape.ts";
import { describeThrown, show } from "./show.ts";

/** A schema of valibot, zod, arktype or another library that follows https://standardschema.dev, version 1. */
export interface StandardSchemaV1<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A function that looks at a `msg`: it fails where it throws (or rejects), as assertions do, and where it returns `false`, or
 * anything else that counts as false except `undefined`, which is what assertions return.
 */
// biome-ignore lint/suspicious/noExplicitAny: whoever writes it knows what the message should hold
export type MsgCheck = (msg: any) => unknown;

/** What a `msg` is held against. */
export type Expected<Output = unknown> = StandardSchemaV1<Output> | MsgCheck;

/** How it went: the value, as the schema gives it back, or why not. */
export type Checked<Output> =
  | { readonly isMet: true; readonly value: Output }
  | { readonly isMet: false; readonly why: string };

const issuesShownMax = 5;

/** Holds a `msg` against what is expected; anything will do where nothing is. Never rejects. */
export async function check<Output>(expected: Expected<Output> | undefined, msg: unknown): Promise<Checked<Output>> {
  try {
    if (expected === undefined) return { isMet: true, value: msg as Output };
    if ("~standard" in expected) return toChecked(await expected["~standard"].validate(msg));
    const answer: unknown = await expected(msg);
    if (answer === undefined || answer) return { isMet: true, value: msg as Output };
    return { isMet: false, why: `the function returned ${show(answer, 50)}` };
  } catch (error) {
    return { isMet: false, why: describeThrown(error) };
  }
}

function toChecked<Output>(result: SchemaResult<Output>): Checked<Output> {
  if (!result.issues) return { isMet: true, value: result.value };
  const shown = result.issues.slice(0, issuesShownMax).map(({ message, path = [] }) => {
    const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
    return toLine(`${["msg", ...keys].join(".")}: ${message}`, 300);
  });
  const more = result.issues.length - shown.length;
  return { isMet: false, why: [...shown, ...(more > 0 ? [`${more} more`] : [])].join("; ") };
}
