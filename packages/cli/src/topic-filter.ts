import { FedmsgError } from "fedmsg";

/** What `--include` and `--exclude` hold: regular expressions that are searched for in the topic. */
export interface TopicFilterOptions {
  readonly include?: string | undefined;
  readonly exclude?: string | undefined;
}

/** The old default of `--include`, still found in scripts: what `--exclude _heartbeat` says, by means RE2 lacks. */
const oldDefaultInclude = "^((?!_heartbeat).)*$";
const regexCharacters = /[\\^$.|?*+()[\]{}]/;

/**
 * Compiles a filter on topics. Expressions are Python's `re.search`, in linear time whatever the topic.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED for what cannot be matched in linear time: look-around, back-references
 */
export async function compileTopicFilter({
  include,
  exclude,
}: TopicFilterOptions): Promise<(topic: string) => boolean> {
  const included =
    include === undefined || include === oldDefaultInclude ? () => true : await compile("--include", include);
  const excluded = exclude === undefined || exclude === "" ? () => false : await compile("--exclude", exclude);
  return (topic) => included(topic) && !excluded(topic);
}

async function compile(flag: string, expression: string): Promise<(topic: string) => boolean> {
  if (!regexCharacters.test(expression)) return (topic) => topic.includes(expression);
  const { RE2JS } = await import("re2js");
  try {
    const pattern = RE2JS.compile(expression);
    return (topic) => pattern.matcher(topic).find();
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new FedmsgError(
      "FEDMSG_UNSUPPORTED",
      `${flag} ${JSON.stringify(expression)}: ${found}; look-around and back-references cannot be used`,
      { cause },
    );
  }
}
