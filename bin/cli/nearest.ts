/** The edit distance of two words: letters inserted, deleted, replaced or swapped. */
function distance(a: string, b: string): number {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let index = 1; index <= a.length; index++) {
    const row = [index];
    for (let column = 1; column <= b.length; column++) {
      const cell = (line: number[] | undefined, position: number) => line?.[position] ?? 0;
      const isSame = a[index - 1] === b[column - 1];
      row[column] = Math.min(
        cell(last, column) + 1,
        cell(row, column - 1) + 1,
        cell(last, column - 1) + (isSame ? 0 : 1),
      );
      if (index > 1 && column > 1 && a[index - 1] === b[column - 2] && a[index - 2] === b[column - 1])
        row[column] = Math.min(cell(row, column), cell(beforeLast, column - 2) + 1);
    }
    [beforeLast, last] = [last as number[], row];
  }
  return last?.[b.length] ?? 0;
}

/** The known word that is most similar to `word`, or undefined when none is similar. */
export function findNearestWord(word: string, vocabulary: readonly string[]): string | undefined {
  const prefix = word.slice(0, 60);
  const ranking = vocabulary
    .map(name => ({ name, far: name.startsWith(prefix) && prefix.length > 1 ? 1 : distance(prefix, name) }))
    .sort((a, b) => a.far - b.far);
  const best = ranking[0];
  return best && best.far <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined;
}
