/**
 * Reasons to reject a submission that hold no name, size or other value of its files. Members see these outside the
 * project; every other reason is in the full report.
 */
export const rejections = {
  empty: 'There are no files in the folder. Put them there, then submit.',
  noGroup: 'No group matches this file. Add its path to a group, or remove it from the folder.',
  manyVersions: 'The folder holds too many object versions. Use a new folder.',
  largeTogether: 'The folder has too many large files for one request. Split it into two requests.',
  deleted: 'This file was deleted while it was being sealed. Restore it, then submit again.',
} as const;

export const memberReasons: ReadonlySet<string> = new Set(Object.values(rejections));
