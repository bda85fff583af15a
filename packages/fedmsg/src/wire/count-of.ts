/** So many of something: `1 message`, `2 messages`; `countOf(n, "message is", "messages are")` where a word behind it changes, too. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
