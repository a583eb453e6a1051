import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { documentationPages, listShellLines, splitShellWords } from './markdown.ts';

/** Every line for the AWS CLI on our pages, in blocks and in text. A span with three words at least is a whole command. */
const lines = [...new Set(documentationPages.flatMap(page => [...listShellLines(page), ...page.spans]))].filter(line =>
  /^aws [a-z][a-z-]+ [a-z][a-z-]+/.test(line),
);

/** A problem for each line, or an empty text. */
function checkAwsLines(commands: readonly string[]): string[] {
  const input = JSON.stringify(commands.map(line => splitShellWords(line).slice(1)));
  return JSON.parse(execFileSync('.venv/bin/python', ['test/docs/aws_lines.py'], { input, encoding: 'utf8' }));
}

it('uses only operations, flags and values that AWS has, in every line for the AWS CLI', () => {
  const problems = checkAwsLines(lines);
  expect(
    lines.filter((_, index) => problems[index] !== '').map(line => `${line}: ${problems[lines.indexOf(line)]}`),
  ).toEqual([]);
  expect(lines.length).toBeGreaterThan(15);
});

it('notices an operation, a flag and a value that AWS does not have', () => {
  expect(
    checkAwsLines([
      'aws sqs receive-messages --queue-url <queue>',
      'aws sqs receive-message --queue <queue>',
      'aws stepfunctions list-executions --status-filter BROKEN',
      'aws logs tail group --until 3h',
    ]),
  ).toEqual([
    'sqs has no operation receive-messages',
    'sqs receive-message has no flag queue',
    expect.stringMatching(/^status-filter is one of .*, not BROKEN$/),
    'until',
  ]);
});
