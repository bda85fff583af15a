/**
 * The one filter: a plain object, so that it can stand in a configuration, in flags and in a URL. Each key has a twin that
 * begins with `not_` and excludes what it would select. Keys are joined by "and", the values of one by "or".
 */

import { FedmsgError } from "../errors.ts";
import { compileTopics, topicCategory } from "./topic.ts";

/** What a message must be like. */
export interface MessageFilter {
  /** Patterns as `compileTopics` reads them. */
  readonly topics?: readonly string[];
  readonly not_topics?: readonly string[];
  /** As `topicCategory` names them: `git`. */
  readonly categories?: readonly string[];
  readonly not_categories?: readonly string[];
  /** Texts that stand somewhere in the body; upper and lower case differ. */
  readonly contains?: readonly string[];
  readonly not_contains?: readonly string[];
}

type Test = (topic: string, body: Uint8Array) => boolean;

/** What each key tests. */
const tests: Record<string, (values: readonly string[]) => Test> = {
  topics: (values) => {
    const matcher = compileTopics(values);
    return (topic) => matcher.matches(topic);
  },
  categories: (values) => {
    const wanted = new Set(values);
    return (topic) => wanted.has(topicCategory(topic));
  },
  contains: (values) => {
    const spelt = values.flatMap(spellings);
    return (_, body) => {
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      return spelt.some((text) => bytes.includes(text));
    };
  },
};

/**
 * Compiles a filter. An empty list selects everything, as a missing one does.
 *
 * @returns whether a message with this topic and this body (its bytes, as they came) is selected
 * @throws FedmsgError FEDMSG_CONFIG_INVALID for keys that are none and values that are no lists of texts
 */
export function compileFilter(filter: MessageFilter): Test {
  const compiled = Object.entries(filter).flatMap(([key, values]) => {
    const compile = tests[key.replace(/^not_/, "")];
    if (!compile || !Object.hasOwn(tests, key.replace(/^not_/, ""))) {
      const known = Object.keys(tests).flatMap((name) => [name, `not_${name}`]);
      throw invalid(key, `is no key of a filter; there are ${known.join(", ")}`);
    }
    if (values === undefined) return [];
    if (!Array.isArray(values) || values.some((value) => typeof value !== "string")) {
      throw invalid(key, `found ${JSON.stringify(values)?.slice(0, 100)}, expected a list of texts`);
    }
    if (values.length === 0) return [];
    const test = compile(values);
    return [key.startsWith("not_") ? (...message: Parameters<Test>) => !test(...message) : test];
  });
  return (topic, body) => compiled.every((test) => test(topic, body));
}

/** How JSON may spell a text: with escapes for all that is not ASCII, as the canonical form has it, and as it is. */
function spellings(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const ascii = plain.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [...new Set([ascii, plain])];
}

function invalid(key: string, detail: string): FedmsgError {
  return new FedmsgError("FEDMSG_CONFIG_INVALID", `filter.${key}: ${detail}`);
}
