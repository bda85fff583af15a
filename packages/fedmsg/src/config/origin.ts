/** Which layer gave a value, and on which line: for messages about it. */

import { isMapping, type Mapping } from "./data.ts";

/** The way to a value: names of members, and numbers of list items from 0. */
export type Path = readonly (string | number)[];

/** Where the parts of a file's value stand in it; lines count from 1. */
export interface Lines {
  readonly line: number;
  readonly members?: ReadonlyMap<string | number, Lines>;
}

/** What one source gives: a file, or the options of a call. */
export interface Layer {
  /** The file's path, or `option`. */
  readonly source: string;
  readonly value: Mapping;
  /** Absent for options, and for a file whose lines are not known. */
  readonly lines?: Lines | undefined;
}

/** The source of what flags and callers give. */
export const optionSource = "option";

/**
 * Finds the layer that decided a value: the last one that has it. The answer is `file:line`, only the file where the
 * line is not known, or `option`; `undefined` where no layer has it.
 */
export function locate(layers: readonly Layer[], path: Path): string | undefined {
  for (const layer of layers.toReversed()) {
    const found = locateIn(layer, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Like {@link locate}, but for a value that is missing, finds what it is missing from. */
export function locateNear(layers: readonly Layer[], path: Path): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const found = locate(layers, path.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

function locateIn({ source, value, lines }: Layer, path: Path): string | undefined {
  let at: unknown = value;
  let place = lines;
  for (const step of path) {
    if (isMapping(at)) {
      // The layers below are merged with this mapping, so one of them may have the member.
      if (!Object.hasOwn(at, step)) return undefined;
      at = at[step];
    } else if (Array.isArray(at)) at = at[Number(step)];
    // Any other value replaces what the layers below have.
    else break;
    place = place?.members?.get(step) ?? place;
  }
  return place ? `${source}:${place.line}` : source;
}

/**
 * Moves `relay_outbound` from the top level to where the relay looks for it, into `endpoints`. A value that stands there
 * already wins, as it did in Python, which never read the other.
 */
export function moveRelayOutbound(layer: Layer): Layer {
  const { relay_outbound: moved, ...value } = layer.value;
  if (!Object.hasOwn(layer.value, "relay_outbound")) return layer;
  const endpoints = value.endpoints ?? {};
  if (moved === null || !isMapping(endpoints)) return { ...layer, value };
  return {
    ...layer,
    value: { ...value, endpoints: { relay_outbound: moved, ...endpoints } },
    lines: layer.lines && moveLines(layer.lines),
  };
}

function moveLines(lines: Lines): Lines {
  const members = new Map(lines.members);
  const moved = members.get("relay_outbound");
  if (!moved) return lines;
  const endpoints = members.get("endpoints") ?? { line: moved.line };
  const inside = new Map([["relay_outbound", moved] as const, ...(endpoints.members ?? [])]);
  return { ...lines, members: members.set("endpoints", { ...endpoints, members: inside }) };
}
