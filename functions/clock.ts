/** Reads the clock, as ISO 8601 in UTC with milliseconds. Nothing else does: cores take `now` as an argument. */
export const currentTime = (): string => new Date().toISOString();

/** The instant `seconds` after `at`, both in ISO 8601. */
export const timeAfter = (timestamp: string, seconds: number): string =>
  new Date(Date.parse(timestamp) + seconds * 1000).toISOString();
