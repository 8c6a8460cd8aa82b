// Which entries of the palette answer to what is typed, the best first.

/** Without accents and case: "joao" finds "João". */
export function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** All words must be there. Beginnings of the text count more than beginnings of words, and these more than the rest. */
export function rank(label: string, typed: string): number {
  const text = plain(label);
  let sum = 0;
  for (const word of plain(typed).split(/\s+/).filter(Boolean)) {
    const at = text.indexOf(word);
    if (at < 0) return 0;
    const isWordStart = at === 0 || new RegExp(`(?:^|[^\\p{L}\\p{N}])${word.replace(/[^\p{L}\p{N}]/gu, "\\$&")}`, "u").test(text);
    sum += at === 0 ? 3 : isWordStart ? 2 : 1;
  }
  return sum || 1;
}

/** Those that fit, best first; equals stay in their order. */
export function best<T extends { label: string; words?: string }>(entries: readonly T[], typed: string): T[] {
  return entries
    .map((entry, at) => ({ entry, at, score: Math.max(rank(entry.label, typed), entry.words ? rank(`${entry.label} ${entry.words}`, typed) * 0.5 : 0) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .map(({ entry }) => entry);
}
