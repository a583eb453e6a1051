/** Whether a text matches a pattern of characters and `*`. The time grows at most with the product of their lengths. */
function fits(text: string, pattern: string): boolean {
  let [patternIndex, star, back] = [0, -1, 0];
  let textIndex = 0;
  while (textIndex < text.length) {
    if (pattern[patternIndex] === '*') {
      [star, back] = [patternIndex, textIndex];
      patternIndex++;
    } else if (patternIndex < pattern.length && pattern[patternIndex] === text[textIndex]) {
      patternIndex++;
      textIndex++;
    } else if (star >= 0) {
      patternIndex = star + 1;
      back++;
      textIndex = back;
    } else return false;
  }
  while (pattern[patternIndex] === '*') patternIndex++;
  return patternIndex === pattern.length;
}

/** Whether a path matches a pattern: `*` stands for any part of one name, `**` as a name for any number of folders. */
export function matchesWildcard(path: string, pattern: string): boolean {
  const [names, patterns] = [path.split('/'), pattern.split('/')];
  let [patternIndex, star, back, nameIndex] = [0, -1, 0, 0];
  while (nameIndex < names.length) {
    const [name = '', want] = [names[nameIndex], patterns[patternIndex]];
    if (want === '**') {
      [star, back] = [patternIndex, nameIndex];
      patternIndex++;
    } else if (want !== undefined && fits(name, want)) {
      patternIndex++;
      nameIndex++;
    } else if (star >= 0) {
      patternIndex = star + 1;
      back++;
      nameIndex = back;
    } else return false;
  }
  while (patterns[patternIndex] === '**') patternIndex++;
  return patternIndex === patterns.length;
}

/** The index of the first group that takes the file, or -1. */
export const findGroupIndex = (path: string, groups: readonly { readonly paths: readonly string[] }[]): number =>
  groups.findIndex(({ paths }) => paths.some(pattern => matchesWildcard(path, pattern)));
