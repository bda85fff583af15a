/** Topics: how they are put together, and which of them a pattern selects. */

/** The parts of a topic: `<prefix>.<environment>.<modname>.<topic>`. */
export interface TopicParts {
  /** `topic_prefix` of the configuration, for instance `org.fedoraproject`. */
  readonly prefix: string;
  /** `environment` of the configuration, for instance `prod`. */
  readonly environment: string;
  /** The service that speaks, for instance `git`. */
  readonly modname: string;
  /** What happened, for instance `receive`. */
  readonly topic: string;
}

/**
 * Puts a full topic together. Where `<modname>.<topic>` already begins with the prefix, compared as text, it is taken as
 * it is (`fedmsg/core.py`, `publish`).
 */
export function buildTopic({ prefix, environment, modname, topic }: TopicParts): string {
  const local = `${modname}.${topic}`;
  return local.startsWith(prefix) ? local : `${prefix}.${environment}.${local}`;
}

/**
 * The category of a topic, by which messages are counted and kept: its fourth word, which is the service that speaks.
 * Brokers that speak STOMP put other words before it, `VirtualTopic` among them; there it is the third. `Unclassified`
 * where there are too few (`datanommer/models`, `category`).
 */
export function topicCategory(topic: string): string {
  const index = topic.includes("VirtualTopic") ? 2 : 3;
  return topic.split(".", index + 1)[index] ?? "Unclassified";
}

/** Selects topics by one or more patterns. */
export interface TopicMatcher {
  /** Prefixes that cover every matching topic, none of them covered by another: what a SUB socket subscribes to. */
  readonly prefixes: readonly string[];
  /** Whether any of the patterns selects the topic. */
  matches(topic: string): boolean;
}

/**
 * Compiles topic patterns. A pattern is one of
 *
 * - `""`, `*` or `#`: every topic,
 * - words with wildcards, as AMQP 0-9-1 has them for topic exchanges: `*` stands for one word, `#` for any number of
 *   words, none included; `org.fedoraproject.*.git.#`,
 * - anything else: a prefix, compared as text, as ZeroMQ filters; a `*` that ends a word is dropped (`org.fedora*`).
 *
 * No pattern at all stands for every topic. Matching takes time in proportion to the words of topic and pattern at most, whatever they are.
 *
 * @param options `strict`: no wildcards and no prefixes, a pattern is one topic, or `""` for every topic (`zmq_strict`)
 */
export function compileTopics(patterns: readonly string[], options: { readonly strict?: boolean } = {}): TopicMatcher {
  const compile = options.strict ? compileExact : compilePattern;
  const compiled = patterns.length > 0 ? patterns.map(compile) : [compilePrefix("")];
  return {
    prefixes: shortestPrefixes(compiled.map(({ prefix }) => prefix)),
    matches: (topic) => compiled.some((pattern) => pattern.matches(topic)),
  };
}

interface CompiledPattern {
  readonly prefix: string;
  matches(topic: string): boolean;
}

function compileExact(pattern: string): CompiledPattern {
  if (pattern === "") return compilePrefix("");
  return { prefix: pattern, matches: (topic) => topic === pattern };
}

function compilePattern(pattern: string): CompiledPattern {
  if (pattern === "*" || pattern === "#") return compilePrefix("");
  const words = pattern.split(".");
  const wildcardAt = words.findIndex((word) => word === "*" || word === "#");
  if (wildcardAt < 0) return compilePrefix(pattern.replace(/\*$/, ""));
  const literal = words.slice(0, wildcardAt).join(".");
  // `git.#` selects `git` itself too, so no dot may be asked for behind the last literal word.
  const prefix = literal && words[wildcardAt] === "*" ? `${literal}.` : literal;
  return { prefix, matches: (topic) => matchWords(words, topic.split(".")) };
}

function compilePrefix(prefix: string): CompiledPattern {
  return { prefix, matches: (topic) => topic.startsWith(prefix) };
}

/** Greedy matching that comes back only to the last `#`: never more than words × words steps. */
function matchWords(pattern: readonly string[], topic: readonly string[]): boolean {
  let at = 0;
  let wordAt = 0;
  let hashAt = -1;
  let wordAfterHash = 0;
  while (wordAt < topic.length) {
    if (pattern[at] === "#") {
      hashAt = at++;
      wordAfterHash = wordAt;
    } else if (at < pattern.length && (pattern[at] === "*" || pattern[at] === topic[wordAt])) {
      at++;
      wordAt++;
    } else if (hashAt >= 0) {
      at = hashAt + 1;
      wordAt = ++wordAfterHash;
    } else return false;
  }
  return pattern.slice(at).every((word) => word === "#");
}

function shortestPrefixes(prefixes: readonly string[]): string[] {
  const shortest: string[] = [];
  for (const prefix of [...new Set(prefixes)].sort()) {
    const last = shortest.at(-1);
    if (last === undefined || !prefix.startsWith(last)) shortest.push(prefix);
  }
  return shortest;
}
