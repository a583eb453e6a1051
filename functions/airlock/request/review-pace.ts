/**
 * How often the workflow of a review looks at it at most: an execution keeps 25,000 events, of which the checks may have used
 * 15,000, and a look that fails makes 29 (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
 */
export const MAX_REVIEW_POLLS = 300;
const MIN_SECONDS = 900;

/**
 * How long the workflow waits for a decision before it looks at the review again: a quarter of the reminder interval, so that
 * reminders are at most a quarter late, and never beyond the deadline. `pauseSeconds` is for a workflow that has no token to
 * wait with, and finds a decision only when it looks.
 */
export function reviewPauses(
  { since: start, deadline }: { since: string; deadline: string },
  { remindHours }: { remindHours: number },
  now: string,
): { seconds: number; pauseSeconds: number } {
  const pace = Math.max(MIN_SECONDS, Math.ceil((Date.parse(deadline) - Date.parse(start)) / 1000 / MAX_REVIEW_POLLS));
  const remaining = Math.max(1, Math.ceil((Date.parse(deadline) - Date.parse(now)) / 1000));
  return {
    seconds: Math.min(Math.max(pace, remindHours * 900), remaining),
    pauseSeconds: Math.min(pace, remaining),
  };
}
