/** Where a subscription with a name keeps how far it is (`cursor_store`). */

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
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
  const location = locate(config.cursor_store, name);
  if (config.cursor_store === null) await mkdir(dirname(location), { recursive: true });
  return openCursors(location, { sync: config.journal_sync, onEvent: ({ detail }) => onWarning(detail) });
}

function locate(url: string | null, name: string): string {
  if (url === null) return join(stateFolder(), "cursors", `${name}.db`);
  if (url.startsWith("sqlite:") && url.includes("{name}"))
    return url.slice("sqlite:".length).replaceAll("{name}", name);
  throw new FedmsgError(
    "FEDMSG_UNSUPPORTED",
    `cursor_store: found ${JSON.stringify(url)}, expected sqlite:/path/to/{name}.db`,
  );
}
