/**
 * JSON in the one form that everybody who reads the same values writes: RFC 8785 (keys in order of their UTF-16 code
 * units, no white space, numbers and strings as ECMAScript writes them). What is signed is signed in this form.
 */
export function canonical(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('NaN and infinities have no canonical form');
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('half a surrogate pair has no canonical form');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} has no canonical form`);
  // Without a comparison of ours, sort() goes by UTF-16 code units: just what is asked for.
  const members = Object.keys(value)
    .sort()
    .filter(name => (value as Record<string, unknown>)[name] !== undefined)
    .map(name => `${canonical(name)}:${canonical((value as Record<string, unknown>)[name])}`);
  return `{${members.join()}}`;
}
