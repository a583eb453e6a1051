import { describe, expect, it } from 'vitest';
import { classifyStackStatus, explainCause, findFirstFailure } from '../../functions/stack-state.ts';

describe('standing', () => {
  it.each([
    [undefined, 'none'],
    ['DELETE_COMPLETE', 'none'],
    ['CREATE_IN_PROGRESS', 'building'],
    ['CREATE_COMPLETE', 'built'],
    ['UPDATE_ROLLBACK_COMPLETE', 'built'],
    ['ROLLBACK_IN_PROGRESS', 'leaving'],
    ['DELETE_IN_PROGRESS', 'leaving'],
    ['ROLLBACK_COMPLETE', 'wreck'],
    ['ROLLBACK_FAILED', 'wreck'],
    ['CREATE_FAILED', 'wreck'],
    ['DELETE_FAILED', 'wreck'],
  ])('%s is %s', (status, stage) => expect(classifyStackStatus(status)).toBe(stage));
});

describe('the reason of a failed stack', () => {
  const event = (resource: string, status: string, reason?: string) => ({
    resource,
    type: 'AWS::EC2::VPC',
    status,
    reason,
  });
  it('comes from the first failed resource, not from those cancelled after it', () =>
    expect(
      findFirstFailure([
        event('stack', 'ROLLBACK_IN_PROGRESS', 'The following resource(s) failed to create: [Vpc, Bucket]'),
        event('Bucket', 'CREATE_FAILED', 'Resource creation cancelled'),
        event('Vpc', 'CREATE_FAILED', 'The maximum number of VPCs has been reached.'),
        event('Vpc', 'CREATE_IN_PROGRESS'),
      ]),
    ).toBe(
      'Vpc (AWS::EC2::VPC) could not be created: The maximum number of VPCs has been reached. Ask AWS for a higher quota "VPCs per Region", then retry the project. `broch doctor` shows the quotas.',
    ));
  it.each([
    ['The maximum number of VPC endpoints has been reached.', 'Gateway VPC endpoints per Region'],
    ['You have attempted to create more buckets than allowed', 'quota of buckets'],
    ['A conflicting conditional operation is currently in progress', 'still deleting a bucket'],
    ['Rate exceeded (Service: Ec2)', 'how often'],
  ])('comes with what to do: %s', (reason, remedy) =>
    expect(findFirstFailure([event('Vpc', 'CREATE_FAILED', reason)])).toMatch(
      new RegExp(`${remedy}.*retry the project`),
    ),
  );
  it('has nothing added where the words are unknown', () =>
    expect(findFirstFailure([event('Vpc', 'CREATE_FAILED', 'Some error')])).toMatch(/: Some error$/));
  it('is missing when no resource failed', () => {
    expect(findFirstFailure([event('Vpc', 'CREATE_COMPLETE')])).toBeUndefined();
    const stack = { ...event('stack', 'CREATE_FAILED', 'Validation failed'), type: 'AWS::CloudFormation::Stack' };
    expect(findFirstFailure([stack])).toBeUndefined();
  });
});

describe('a caught cause', () => {
  it.each([
    [JSON.stringify({ errorType: 'Error', errorMessage: 'no room', trace: ['at x'] }), 'no room'],
    ['Rate exceeded (Service: Ec2)', 'Rate exceeded (Service: Ec2)'],
    ['{"other": 1}', '{"other": 1}'],
    ['', 'A step failed without a reason.'],
    [undefined, 'A step failed without a reason.'],
  ])('%s reads %s', (cause, reason) => expect(explainCause(cause)).toBe(reason));
});
