import { readFile } from "node:fs/promises";

/** What goes into a script, by the name of its place there. */
export type TemplateParts = Readonly<Record<string, readonly string[]>>;

/**
 * Fills a script of `packages/cli/completion`. Where `@NAME@` stands alone on a line the lines of that name take its
 * place, as deep as it is; inside a line they do with spaces between them.
 */
export async function fillTemplate(shell: string, parts: TemplateParts): Promise<string> {
  const text = await readFile(new URL(`../../completion/fedmsg.${shell}`, import.meta.url), "utf8");
  return text.replace(/^( *)@([A-Z]+)@$|@([A-Z]+)@/gm, (_, indent: string, block: string, inside: string) => {
    if (inside !== undefined) return (parts[inside] ?? []).join(" ");
    return (parts[block] ?? []).map((line) => indent + line).join("\n");
  });
}
