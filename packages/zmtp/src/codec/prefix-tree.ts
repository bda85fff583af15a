/**
 * Who wants what, by prefix: a radix tree over bytes. A walk along a topic passes every prefix of it that somebody asked
 * for, however many others there are; edges hold as many bytes as can be held together, so a long prefix is one node.
 */

interface Node<T> {
  /** The bytes from the parent to here. */
  label: Uint8Array;
  values: Set<T> | undefined;
  children: Map<number, Node<T>> | undefined;
}

/** Values by prefix. Each value is kept once for each prefix. */
export class PrefixTree<T> {
  readonly #root: Node<T> = { label: new Uint8Array(0), values: undefined, children: undefined };
  #size = 0;

  /** Prefixes that have a value. */
  get size(): number {
    return this.#size;
  }

  /** Whether somebody asked for everything. */
  get matchesAll(): boolean {
    return this.#root.values !== undefined;
  }

  /** Adds a value. Returns whether the prefix had none before. */
  add(prefix: Uint8Array, value: T): boolean {
    const node = this.#insert(prefix);
    if (node.values) {
      node.values.add(value);
      return false;
    }
    node.values = new Set([value]);
    this.#size++;
    return true;
  }

  /** Takes a value away. Returns whether the prefix has none any more, but had. */
  remove(prefix: Uint8Array, value: T): boolean {
    const path: Node<T>[] = [this.#root];
    let node = this.#root;
    for (let at = 0; at < prefix.length; at += node.label.length) {
      const child = node.children?.get(prefix[at] as number);
      if (!child || !startsWith(prefix, at, prefix.length, child.label)) return false;
      node = child;
      path.push(node);
    }
    if (!node.values?.delete(value) || node.values.size > 0) return false;
    node.values = undefined;
    this.#size--;
    prune(path);
    return true;
  }

  /** Calls `visit` with each value of each prefix of a topic; a value with two prefixes is visited twice. */
  match(topic: Uint8Array, visit: (value: T) => void): void {
    let node: Node<T> | undefined = this.#root;
    let at = 0;
    for (;;) {
      if (node.values) for (const value of node.values) visit(value);
      if (at >= topic.length || !node.children) return;
      node = node.children.get(topic[at] as number);
      if (!node || !startsWith(topic, at, topic.length, node.label)) return;
      at += node.label.length;
    }
  }

  /** Whether some prefix of `bytes[start…end)` has a value. */
  covers(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    let node: Node<T> | undefined = this.#root;
    let at = start;
    for (;;) {
      if (node.values) return true;
      if (at >= end || !node.children) return false;
      node = node.children.get(bytes[at] as number);
      if (!node || !startsWith(bytes, at, end, node.label)) return false;
      at += node.label.length;
    }
  }

  #insert(prefix: Uint8Array): Node<T> {
    let node = this.#root;
    let at = 0;
    while (at < prefix.length) {
      node.children ??= new Map();
      const child = node.children.get(prefix[at] as number);
      if (!child) {
        const leaf: Node<T> = { label: copy(prefix, at, prefix.length), values: undefined, children: undefined };
        node.children.set(prefix[at] as number, leaf);
        return leaf;
      }
      const common = commonLength(prefix, at, child.label);
      node = common < child.label.length ? split(node, child, common) : child;
      at += common;
    }
    return node;
  }
}

/** Puts a node into the edge from `parent` to `child`, behind so many bytes. */
function split<T>(parent: Node<T>, child: Node<T>, length: number): Node<T> {
  const middle: Node<T> = { label: copy(child.label, 0, length), values: undefined, children: new Map() };
  parent.children?.set(middle.label[0] as number, middle);
  child.label = copy(child.label, length, child.label.length);
  middle.children?.set(child.label[0] as number, child);
  return middle;
}

/** Takes away what holds nothing any more at the end of a path, and joins edges that need not be apart. */
function prune<T>(path: readonly Node<T>[]): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    const node = path[depth] as Node<T>;
    const parent = path[depth - 1] as Node<T>;
    if (node.values) return;
    const children = node.children?.size ?? 0;
    if (children > 1) return;
    if (children === 0) {
      parent.children?.delete(node.label[0] as number);
      if (parent.children?.size === 0) parent.children = undefined;
      continue;
    }
    const [only] = (node.children as Map<number, Node<T>>).values();
    const child = only as Node<T>;
    child.label = Uint8Array.from([...node.label, ...child.label]);
    parent.children?.set(child.label[0] as number, child);
    return;
  }
}

/** `slice` of a Buffer is a view: it would keep the caller's bytes, and change with them. */
function copy(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}

function commonLength(bytes: Uint8Array, at: number, label: Uint8Array): number {
  const most = Math.min(bytes.length - at, label.length);
  let length = 0;
  while (length < most && bytes[at + length] === label[length]) length++;
  return length;
}

function startsWith(bytes: Uint8Array, at: number, end: number, label: Uint8Array): boolean {
  if (end - at < label.length) return false;
  for (let n = 0; n < label.length; n++) if (bytes[at + n] !== label[n]) return false;
  return true;
}
