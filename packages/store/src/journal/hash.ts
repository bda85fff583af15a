/**
 * A hash of 32 bits, FNV-1a. Each step is a bijection, of the hash before and of the character: so two texts of one length that
 * differ in one character never have the same. Kept in files: never change it within a format.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return hash;
}
