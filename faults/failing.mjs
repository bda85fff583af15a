/** How the consumers of a hub die and fail: what they do, and what the judge expects of them. */

/**
 * Where `kill -9` meets a consumer:
 *
 * ```
 * consume ─── consuming ─── commit ─── writing ─── committing ──▶ on disk ─── committed ─── consume returns
 * ```
 */
export const moments = /** @type {const} */ (["consuming", "writing", "committing", "committed"]);
/** @typedef {typeof moments[number]} Moment */

/** A message that hangs at its first attempt. @param {number} n */
export const doesHang = (n) => n % 100 === 0;
/** A message that fails at every attempt. @param {number} n */
export const doesFail = (n) => n % 50 === 0;
/** Of all attempts, by chance. */
export const throwsPart = 0.1;
