/** Writes JSON in ASCII. Outside of texts it is ASCII already, so this keeps its meaning, and a terminal safe. */
export function toAscii(json: string): string {
  return json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
