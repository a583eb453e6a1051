/** The only place that reads the time. Cores take `now` as an argument instead. ISO 8601, UTC, milliseconds. */
export const currentTime = (): string => new Date().toISOString();

/** `seconds` after the instant `at` (ISO 8601), as ISO 8601. */
export const timeAfter = (at: string, seconds: number): string =>
  new Date(Date.parse(at) + seconds * 1000).toISOString();
