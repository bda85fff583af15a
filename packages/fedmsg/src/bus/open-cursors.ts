/** Where a subscription with a name keeps how far it is (`cursor_store`). */

import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { stateFolder } from "../config/environment.ts";
import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { CursorStore } from "../replay/cursors.ts";
import { importStore } from "./store-package.ts";

/** Names that make good file names. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * The name of a subscription, as it is.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID for what could not be a file's name
 */
export function assertDurableName(name: string): string {
  if (nameForm.test(name)) return name;
  const found = JSON.stringify(name).slice(0, 120);
  throw new FedmsgError(
    "FEDMSG_CONFIG_INVALID",
    `durable: found ${found}, expected up to 100 letters, digits, dots, hyphens and underscores`,
  );
}

/**
 * Opens the cursors of a subscription with a name; nobody else may have them open.
 *
 * @throws FedmsgError FEDMSG_JOURNAL, FEDMSG_UNSUPPORTED (`@fedmsg/store` is not installed, or the URL is of another kind)
 */
export async function openCursorsOf(
  name: string,
  config: Config,
  onWarning: (detail: string) => void,
): Promise<CursorStore> {
  const { openCursors } = await importStore("a subscription with a name");
  const location = cursorsPath(config, name);
  if (config.cursor_store === null) await mkdir(dirname(location), { recursive: true });
  return openCursors(location, { sync: config.journal_sync, onEvent: ({ detail }) => onWarning(detail) });
}

/**
 * The file that the cursors of a subscription, or consumer, with this name are in, and its dead letters.
 *
 * @throws FedmsgError FEDMSG_CONFIG_INVALID for what could not be a file's name, FEDMSG_UNSUPPORTED where `cursor_store` is of
 *   another kind
 */
export function cursorsPath(config: Pick<Config, "cursor_store">, name: string): string {
  return resolve(cursorsPattern(config).replaceAll("{name}", assertDurableName(name)));
}

/**
 * Files that are where {@link cursorsPath} says, for whatever name, by name. Whether they hold cursors must be seen.
 *
 * @throws FedmsgError FEDMSG_UNSUPPORTED where `cursor_store` is of another kind
 */
export async function listCursorFiles(
  config: Pick<Config, "cursor_store">,
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  const parts = resolve(cursorsPattern(config)).split(sep);
  // The first folder or file whose own name has the subscription's in it tells which there are.
  const at = parts.findIndex((part) => part.includes("{name}"));
  const literals = (parts[at] ?? "").split("{name}").map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const form = new RegExp(`^${literals[0]}(.+)${literals.slice(1).join("\\1")}$`);
  const entries = await readdir(parts.slice(0, at).join(sep) || sep).catch(() => []);
  return entries
    .flatMap((entry) => form.exec(entry)?.[1] ?? [])
    .filter((name) => nameForm.test(name))
    .map((name) => ({ name, path: cursorsPath(config, name) }))
    .filter(({ path }) => existsSync(path))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function cursorsPattern({ cursor_store: url }: Pick<Config, "cursor_store">): string {
  if (url === null) return join(stateFolder(), "cursors", "{name}.db");
  if (url.startsWith("sqlite:") && url.includes("{name}")) return url.slice("sqlite:".length);
  throw new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    `cursor_store: found ${JSON.stringify(url)}, expected sqlite:/path/to/{name}.db`,
  );
}
