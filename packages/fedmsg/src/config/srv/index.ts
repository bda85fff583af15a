/** `srv_endpoints`: addresses that are found in the DNS. Loaded only where a configuration has that key. */
export type { SrvOptions } from "./lookup.ts";
export { type ResolveOptions, resolveSrvEndpoints, type SrvEndpoints } from "./resolve.ts";
export { type SrvWatch, type WatchOptions, watchSrvEndpoints } from "./watch.ts";
