/** The edit distance of two words: letters inserted, deleted, replaced or swapped. */
function distance(a: string, b: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (line: number[] | undefined, k: number) => line?.[k] ?? 0;
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(at(row, j), at(before, j - 2) + 1);
    }
    [before, last] = [last as number[], row];
  }
  return last?.[b.length] ?? 0;
}

/** The known word that is most similar to `word`, or undefined when none is similar. */
export function findNearestWord(word: string, known: readonly string[]): string | undefined {
  const clipped = word.slice(0, 60);
  const ranked = known
    .map(name => ({ name, far: name.startsWith(clipped) && clipped.length > 1 ? 1 : distance(clipped, name) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best && best.far <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined;
}
