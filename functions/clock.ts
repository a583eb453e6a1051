/** Reads the clock, as ISO 8601 in UTC with milliseconds. Nothing else does: cores take `now` as an argument. */
export const currentTime = (): string => new Date().toISOString();

/** The instant `seconds` after `at`, both in ISO 8601. */
export const timeAfter = (timestamp: string, seconds: number): string =>
  new Date(Date.parse(timestamp) + seconds * 1000).toISOString();

/**
 * The minutes after its start, or after the time by which it must have started, in which a step may still write: 15 at most,
 * which is the limit of Lambda (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html), and five for clocks
 * that differ.
 */
export const WRITING_MINUTES = 20;
