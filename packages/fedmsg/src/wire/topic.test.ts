import { processorMs } from "@fedmsg/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildTopic, compileTopics, topicCategory } from "./topic.ts";

describe("buildTopic", () => {
  const parts = { prefix: "org.fedoraproject", environment: "prod", modname: "git", topic: "receive" };

  test("joins prefix, environment, modname and topic", () => {
    expect(buildTopic(parts)).toBe("org.fedoraproject.prod.git.receive");
  });

  test.each([
    ["org.fedoraproject.stg", "git.receive", "org.fedoraproject.stg.git.receive"],
    ["org.fedoraprojectXXX", "receive", "org.fedoraprojectXXX.receive"],
    // Neither of them begins with the prefix, but joined they do.
    ["org", "fedoraproject.dev.git.receive", "org.fedoraproject.dev.git.receive"],
    ["org.fedora", "project", "org.fedoraproject.prod.org.fedora.project"],
  ])("with modname %s and topic %s takes or leaves what they begin with", (modname, topic, full) => {
    expect(buildTopic({ ...parts, modname, topic })).toBe(full);
  });

  test("puts nothing before the topic where the prefix is empty, for everything begins with that", () => {
    expect(buildTopic({ ...parts, prefix: "" })).toBe("git.receive");
  });
});

describe("topicCategory", () => {
  test.each([
    ["org.fedoraproject.prod.git.receive", "git"],
    ["org.fedoraproject.prod.git", "git"],
    ["/topic/VirtualTopic.eng.brew.task.closed", "brew"],
    ["org.fedoraproject.prod..receive", ""],
    ["org.fedoraproject.prod", "Unclassified"],
    ["VirtualTopic.eng", "Unclassified"],
    ["", "Unclassified"],
  ])("of %j is %j", (topic, category) => {
    expect(topicCategory(topic)).toBe(category);
  });
});

const matching = (patterns: string | string[], topics: string[], strict = false) => {
  const matcher = compileTopics([patterns].flat(), { strict });
  return topics.filter((topic) => matcher.matches(topic));
};

describe("compileTopics", () => {
  const topics = ["org.fedora.git.receive", "org.fedora.git", "org.fedoraX.git.receive", "org.debian.git.receive", ""];

  test.each(["", "*", "#"])("%j selects every topic", (pattern) => {
    expect(matching(pattern, topics)).toEqual(topics);
    expect(compileTopics([pattern]).prefixes).toEqual([""]);
  });

  test("no pattern at all selects every topic", () => {
    expect(matching([], topics)).toEqual(topics);
    expect(compileTopics([]).prefixes).toEqual([""]);
  });

  test("words without wildcards are a prefix, compared as text", () => {
    expect(matching("org.fedora", topics)).toEqual(topics.slice(0, 3));
    expect(matching("org.fedora.", topics)).toEqual(topics.slice(0, 2));
    expect(matching("org.fedora*", topics)).toEqual(topics.slice(0, 3));
    expect(matching("fedora", topics)).toEqual([]);
    expect(matching("a*c", ["abc", "a*c", "a*cd"])).toEqual(["a*c", "a*cd"]);
  });

  test.each<[string, string[], string]>([
    // pattern, what it selects of all words up to three long, what the socket asks for
    ["a.*", ["a.a", "a.b"], "a."],
    ["*.b", ["a.b", "b.b"], ""],
    ["a.#", ["a", "a.a", "a.a.a", "a.a.b", "a.b", "a.b.a", "a.b.b"], "a"],
    ["#.b", ["a.a.b", "a.b", "a.b.b", "b", "b.a.b", "b.b", "b.b.b"], ""],
    ["a.#.b", ["a.a.b", "a.b", "a.b.b"], "a"],
    ["a.*.b", ["a.a.b", "a.b.b"], "a."],
    ["*.*", ["a.a", "a.b", "b.a", "b.b"], ""],
    ["#.a.#.a", ["a.a", "a.a.a", "a.b.a", "b.a.a"], ""],
    ["*.#.a", ["a.a", "a.a.a", "a.b.a", "b.a", "b.a.a", "b.b.a"], ""],
    ["a.#.*", ["a.a", "a.a.a", "a.a.b", "a.b", "a.b.a", "a.b.b"], "a"],
    ["a.b.#.#", ["a.b", "a.b.a", "a.b.b"], "a.b"],
  ])("%s selects as AMQP does", (pattern, selected, prefix) => {
    const all = ["a", "b"].flatMap((x) => [
      x,
      ...["a", "b"].flatMap((y) => [`${x}.${y}`, `${x}.${y}.a`, `${x}.${y}.b`]),
    ]);
    expect(matching(pattern, all).sort()).toEqual(selected);
    expect(compileTopics([pattern]).prefixes).toEqual([prefix]);
  });

  test.each(["#.#", "#.#.#"])("%s selects every topic", (pattern) => expect(matching(pattern, topics)).toEqual(topics));

  test("several patterns select what any of them selects, and ask for no prefix twice", () => {
    const matcher = compileTopics(["org.fedora.git", "org.fedora", "org.debian.*.x", "org.fedora.#"]);
    expect(matcher.prefixes).toEqual(["org.debian.", "org.fedora"]);
    expect(topics.filter(matcher.matches)).toEqual(topics.slice(0, 3));
  });

  test("strict takes a pattern for one topic, wildcards and all", () => {
    expect(matching("org.fedora.git", topics, true)).toEqual(["org.fedora.git"]);
    expect(matching("a.*", ["a.*", "a.b"], true)).toEqual(["a.*"]);
    expect(compileTopics(["a.#", "a.#.b"], { strict: true }).prefixes).toEqual(["a.#"]);
  });
});

/** What AMQP 0-9-1 says, word for word. */
function selectsByDefinition(pattern: readonly string[], topic: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return topic.length === 0;
  if (first === "#")
    return topic.some((_, n) => selectsByDefinition(rest, topic.slice(n))) || selectsByDefinition(rest, []);
  return topic.length > 0 && (first === "*" || first === topic[0]) && selectsByDefinition(rest, topic.slice(1));
}

function selects(pattern: string, topic: string): boolean {
  if (pattern === "*" || pattern === "#") return true;
  const words = pattern.split(".");
  if (words.includes("*") || words.includes("#")) return selectsByDefinition(words, topic.split("."));
  return topic.startsWith(pattern.endsWith("*") ? pattern.slice(0, -1) : pattern);
}

describe("whatever the patterns", () => {
  const words = (choices: readonly string[]) =>
    fc.array(fc.constantFrom(...choices), { minLength: 1, maxLength: 6 }).map((all) => all.join("."));
  const patterns = words(["a", "b", "", "a*", "*", "#", "#"]);
  const topics = words(["a", "b", "", "ab", "#"]);

  test("the matcher agrees with the definition", () => {
    fc.assert(
      fc.property(fc.array(patterns, { minLength: 1, maxLength: 3 }), topics, (all, topic) => {
        expect(compileTopics(all).matches(topic)).toBe(all.some((pattern) => selects(pattern, topic)));
      }),
      { numRuns: 5000 },
    );
  });

  test("every topic that is selected begins with one of the prefixes, of which none covers another", () => {
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 4 }), fc.array(topics), fc.boolean(), (all, some, strict) => {
        const { prefixes, matches } = compileTopics(all, { strict });
        for (const topic of [...some, ...all].filter(matches)) {
          expect(prefixes.some((prefix) => topic.startsWith(prefix))).toBe(true);
        }
        const covered = prefixes.filter((one) => prefixes.some((other) => other !== one && one.startsWith(other)));
        expect(covered).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

test.each([
  ["fifty #", `${"#.".repeat(50)}x`],
  ["fifty # between words", `${"#.a.".repeat(50)}x`],
  ["fifty # and *", `${"#.*.".repeat(50)}x`],
  ["a thousand words", `#.${"a.".repeat(1000)}x`],
])("a pattern of %s takes no time to fail", (_, pattern) => {
  const topic = `${"a.".repeat(2047)}b`; // as long as a topic may be
  const started = processorMs();
  expect(compileTopics([pattern]).matches(topic)).toBe(false);
  expect(processorMs() - started).toBeLessThan(500);
});
