/**
 * What a Python file can have that is not read, and what to write instead. A function of this folder throws a
 * {@link Trouble} without a place; the innermost expression or statement that is being evaluated adds its own.
 */

/** For each kind of trouble why the thing is not read, and what to do. `$` stands for the detail. */
const kinds = {
  arguments: ["$", "write the value that the call gives"],
  assert: ["`assert` is not read", "take it out"],
  attribute: ["`.$` is not among what can be read of this value", "write the value itself"],
  await: ["`await` and `async` are code that would have to run", "write the value itself"],
  backtick: ["backticks are Python 2 for `repr()`", "write the text itself"],
  binary: ["a byte string that is no plain ASCII", "write a path to a file that holds the bytes"],
  call: ["`$` is not among the functions that can be read", "write the value that it returns"],
  class: ["a class is code, and the file is read without being run", "write the data itself, as a dict or text"],
  complex: ["a complex number", "write an ordinary number"],
  config: ["assigns no `config`", "give it a line `config = { ... }`, or take the file out of the folder"],
  configNoDict: ["`config` is $ and not a dict", "write `config = { ... }` with the keys of the configuration"],
  cycle: ["a list or dict that contains itself", "write the inner value out"],
  decorator: ["a decorator is code that would have to run", "write the value out, without the function"],
  delete: ["only a name, or an item of a list or dict, can be deleted", "take the line out"],
  ellipsis: ["`...` is no value of a configuration", "write the value itself, or None"],
  engine: ["a database engine is an object", 'write the URL as text, such as "sqlite:/var/lib/fedmsg/x.db"'],
  escape: ["$", "write the character itself"],
  fails: ["Python would fail here: $", "correct it, or write the value itself"],
  finite: ["$ is no number that a configuration can hold", "write a finite number, or None"],
  format: ["$", "write the formatted text itself"],
  function: ["a function is code, and the file is read without being run", "write the value that it would return"],
  generator: ["a generator can be used once only", "write a list, with [ ] around it"],
  global: ["`global` and `nonlocal` are not read", "take the line out"],
  import: ["an import is read at the top level only, by name", "write the value itself"],
  importStar: ["it may bring any name", "import what is needed by name, or write the values themselves"],
  integer: ["an integer of more than 1000 digits", "write a smaller number"],
  items: ["a list of more than 1,000,000 items", "write a shorter list"],
  key: ["$ as a key, where a configuration has texts only", "write the key as text in quotes"],
  keyLength: ["a key of more than 4,096 characters", "write a shorter key"],
  length: ["a file of more than 524,288 characters", "split it, or write it as YAML"],
  match: ["`match` is not read", "write `if` and `elif`"],
  memory: ["a database in memory is gone with the process", 'write the URL of a file, such as "sqlite:/var/lib/x.db"'],
  name: ["the name `$` has no value here", "write the value itself, or assign the name before"],
  nesting: ["nested too deep", "write a flatter value, or give parts of it a name"],
  object: ["$ is an object and no data", "write its URL as text instead"],
  operator: ["`$` is not among what can be read for these values", "write the result itself"],
  print: ["`print` without parentheses is not read", "take the line out"],
  raise: ["`raise` is not read", "take it out"],
  return: ["`return` outside of a function", "take it out"],
  safeInteger: ["$ is beyond 2^53 and would be rounded", "write it as text in quotes"],
  starred: ["`*` is not read here", "write the items out"],
  steps: ["more than 1,000,000 steps are needed to read the file", "write the values out"],
  store: ['a store is made from `create_engine("...")` only', "write its URL as text instead"],
  syntax: ["$", "correct the line, or take it out"],
  target: ["a value cannot be assigned to this", "assign to a name, or to an item of a list or dict"],
  text: ["a text of more than 1,000,000 characters", "write a shorter text"],
  texts: ["texts of more than 8,388,608 characters in all", "write shorter texts"],
  try: [
    "only `import` is read in `try`, as nothing else is run to see whether it fails",
    "write the case that applies",
  ],
  type: ["a type is not a value of a configuration", "write the value itself"],
  unset: ["the environment variable $ is not set", 'set it, or give a default: os.environ.get("...", "default")'],
  values: ["more than 1,000,000 values, each use of a shared list or dict counted", "write fewer values"],
  variable: [
    "the environment variable $ is not among those that a configuration may read",
    "name it FEDMSG_... or list it in FEDMSG_CONFIG_VARIABLES",
  ],
  walrus: ["`:=` is not read", "assign the name on a line of its own"],
  while: ["`while` is not read, as it may never end", "write `for ... in range(...)`, or write the values out"],
  with: ["`with` is not read", "write the value itself"],
  yield: ["`yield` is not read", "write a list"],
} as const satisfies Record<string, readonly [why: string, advice: string]>;

/** One of the kinds of trouble. */
export type TroubleKind = keyof typeof kinds;

/** Where in the source something stands. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/** A place and its line, which counts from 1: where a value comes from. */
export interface Origin extends Place {
  readonly line: number;
}

/** These end the reading: what comes after would only meet them again. */
const final: ReadonlySet<TroubleKind> = new Set(["steps"]);

/**
 * Something that cannot be read, or would fail in Python. It is thrown, but never leaves this folder; and it is no
 * `Error`, as a file can have many thousands of them, and taking the stack for each would cost seconds.
 */
export class Trouble {
  readonly kind: TroubleKind;
  /** Why the thing is not read. */
  readonly message: string;
  /** Where; set by the innermost expression. */
  place: Place | undefined;
  /** More of it, where one value has several. */
  readonly others = new Set<Trouble>();
  /**
   * Whether something other than the value is lost: code that is not run could have changed any list or dict, and where
   * Python fails, it reads nothing of the file. Such trouble is told even where nothing of `config` depends on the value.
   */
  readonly effect: boolean;

  constructor(kind: TroubleKind, detail = "", options: { readonly place?: Place; readonly effect?: boolean } = {}) {
    this.kind = kind;
    this.message = kinds[kind][0].split("$").join(detail);
    this.place = options.place;
    this.effect = kind === "fails" || kind === "operator" || (options.effect ?? false);
  }

  /** What to write instead. */
  get advice(): string {
    return kinds[this.kind][1];
  }

  /** Whether the reading ends here. */
  get isFinal(): boolean {
    return final.has(this.kind);
  }

  /** The same with its place, if it has none yet. */
  at(place: Place): this {
    this.place ??= place;
    return this;
  }
}
