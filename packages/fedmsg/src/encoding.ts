/** Sub-path `fedmsg/encoding`: JSON as fedmsg writes, signs and reads it. */
export { canonicalize } from "./wire/canonical.ts";
export { dumps, prettyDumps } from "./wire/dumps.ts";
export { nestingDepthMax } from "./wire/json-reader.ts";
export { type LoadsOptions, loads, lossless } from "./wire/loads.ts";
export { Float } from "./wire/number.ts";
