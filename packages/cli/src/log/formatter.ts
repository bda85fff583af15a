/**
 * Python's formatters: a template with places for what an entry holds. It is taken apart once; each place becomes a
 * function of the entry. What we do not have (`%(lineno)d`: a line in which file?) stays as it is written, so that a
 * formatter from an old configuration still gives lines that can be read.
 */

import type { Format } from "./entry.ts";
import { compilePlace, type Place } from "./place.ts";

/** How places are marked: `%(name)s`, `{name}` or `$name`. */
export type Style = "%" | "{" | "$";

/** A formatter of the configuration. */
export interface Template {
  readonly format: string;
  readonly style: Style;
  /** How the time is written, as for `strftime`; Python's own way where it is empty. */
  readonly datefmt: string;
}

/** The formatter of the default configuration, for where none is named. */
export const defaultTemplate: Template = {
  format: "[%(asctime)s][%(name)10s %(levelname)7s] %(message)s",
  style: "%",
  datefmt: "%Y-%m-%d %H:%M:%S",
};

/** Compiles a template. `unknown` lists the places that stay as they are written. */
export function compileTemplate({ format, style, datefmt }: Template): { format: Format; unknown: readonly string[] } {
  const { syntax, place } = styles[style];
  const unknown: string[] = [];
  const pieces: Format[] = [];
  let end = 0;
  for (const match of format.matchAll(syntax)) {
    const [written] = match;
    const literal = format.slice(end, match.index);
    const isDoubled = ["%%", "{{", "}}", "$$"].includes(written);
    const piece = isDoubled ? () => written.slice(1) : compilePlace(place(match.groups ?? {}), datefmt);
    if (piece === undefined) unknown.push(written);
    pieces.push(() => literal, piece ?? (() => written));
    end = match.index + written.length;
  }
  const rest = format.slice(end);
  return { format: (entry) => pieces.map((piece) => piece(entry)).join("") + rest, unknown };
}

type Groups = Readonly<Record<string, string | undefined>>;

interface StyleSyntax {
  /** Finds places, and marks that stand twice to mean themselves. */
  readonly syntax: RegExp;
  place(groups: Groups): Place;
}

const aligned = { "<": "left", ">": "right", "^": "middle" } as const;

const styles: Readonly<Record<Style, StyleSyntax>> = {
  "%": {
    syntax: /%%|%\((?<name>\w+)\)(?<flags>[-+ #0]*)(?<width>\d{0,3})(?:\.(?<precision>\d{1,2}))?(?<type>[a-zA-Z])/g,
    place: ({ flags = "", ...groups }) => ({
      ...sizes(groups),
      align: flags.includes("-") ? "left" : "right",
      zeros: flags.includes("0"),
    }),
  },
  "{": {
    syntax:
      /\{\{|\}\}|\{(?<name>\w+)(?::(?<side>[<>^])?(?<zero>0)?(?<width>\d{0,3})(?:\.(?<precision>\d{1,2}))?(?<type>[a-z])?)?\}/g,
    place: ({ side, zero, ...groups }) => ({
      ...sizes(groups),
      align: side === undefined ? undefined : aligned[side as keyof typeof aligned],
      zeros: zero !== undefined,
    }),
  },
  $: {
    syntax: /\$\$|\$(?<name>[a-z_]\w*)|\$\{(?<braced>\w+)\}/gi,
    place: ({ name, braced = "" }) => ({ name: name ?? braced }),
  },
};

function sizes({ name = "", type, width = "", precision }: Groups): Place {
  return { name, type, width: Number(width), precision: precision === undefined ? undefined : Number(precision) };
}
