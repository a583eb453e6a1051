import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { IAMClient, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import {
  GetFunctionEventInvokeConfigCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { areTrialsComplete } from '../trials.ts';
import { assumeAnyRole, createAttackers } from './attacker.ts';
import { type RoleStatement, readDeployedRole, toArray } from './deployed.ts';

const cloud = connectTestCloud();
const thief = await createAttackers(cloud);
const { functions } = thief.estate;
/** In a sample, each thief tries a share of what no statement of the role allows, and a larger one of what one might. */
const [shares, likelyShares] = areTrialsComplete ? [1, 1] : [96, 16];
const attempts: string[] = [];
const tries: string[] = [];

afterAll(() => {
  thief.close();
  const hint = areTrialsComplete ? '' : '; npm run test:trials makes every one';
  console.log(`stolen roles: ${tries.length} of ${attempts.length} tries${hint}`);
});

/** The partitions that a role's statements open, each as `GetItem PROJECT#*`. */
const partitionsOf = (statements: readonly RoleStatement[]): string[] =>
  statements.flatMap(({ Action, Condition }) =>
    toArray(Action).flatMap(action => {
      const leading = Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
      return action.startsWith('dynamodb:') ? toArray(leading).map(key => `${action.slice(9)} ${key}`) : [];
    }),
  );

/** Where Lambda leaves what the function failed on, as its role may: of events, and of rows that it follows. */
async function undelivered(FunctionName: string): Promise<string[]> {
  const lambda = new LambdaClient(cloud.configuration);
  const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
  const followed = EventSourceMappings.map(
    ({ DestinationConfig: destination }) => destination?.OnFailure?.Destination ?? '',
  );
  try {
    const { DestinationConfig } = await lambda.send(
      new GetFunctionEventInvokeConfigCommand({ FunctionName, Qualifier: '$LATEST' }),
    );
    return [...followed, DestinationConfig?.OnFailure?.Destination ?? ''];
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return followed;
    throw error;
  }
}

describe('stolen credentials of a role', () => {
  it.each(functions.map((fn, index) => ({ ...fn, index })))(
    'of the function $entry reach only what the function needs',
    async ({ name, role, environment, index }) => {
      const { statements } = await readDeployedRole(cloud, role);
      const rights = partitionsOf(statements);
      const credentials = await assumeAnyRole(cloud, role);
      const dynamo = new DynamoDBClient({ ...cloud.configuration, credentials });
      // What it is for works: the denials below are not those of a broken session.
      for (const right of rights.filter(right => right.startsWith('GetItem '))) {
        const pk = { S: right.replace('GetItem ', '').replace('*', 'sec-none') };
        await dynamo.send(new GetItemCommand({ TableName: environment.TABLE_NAME, Key: { pk, sk: { S: 'SEC' } } }));
      }
      const names = new Set([...Object.values(environment), ...rights, ...(await undelivered(name))]);
      const theft = await thief.steal(credentials, role, { names, part: { index, shares, likelyShares, statements } });
      attempts.push(...theft.attempts);
      tries.push(...theft.tries);
      expect(theft.open).toEqual([]);
    },
  );

  it('are all tried: there is nothing that no thief has tried', () => {
    expect(new Set(tries)).toEqual(new Set(attempts));
  });
});

describe('rights of functions', () => {
  it('on the table are limited to named partitions', async () => {
    for (const { role } of functions) {
      const { statements } = await readDeployedRole(cloud, role);
      const onTable = statements.filter(({ Action }) => toArray(Action).some(action => action.startsWith('dynamodb:')));
      for (const { Action, Resource, Condition } of onTable) {
        expect(toArray(Action)).not.toContain('dynamodb:Scan');
        // The names of streams; no more than that, and there is no fencing it.
        if (toArray(Action).join() === 'dynamodb:ListStreams') continue;
        // Who follows the table reads what is new in it: all of that, and nothing else.
        if (toArray(Resource).every(arn => String(arn).includes('/stream/'))) {
          const following = ['DescribeStream', 'GetRecords', 'GetShardIterator'];
          expect(toArray(Action).toSorted()).toEqual(following.map(action => `dynamodb:${action}`));
          continue;
        }
        expect(toArray(Resource)).toEqual([expect.stringMatching(/:table\/broch-local-data-CoreTable[^/*]+$/)]);
        expect(toArray(Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'])).not.toEqual([]);
        expect(toArray(Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'])).not.toContain('*');
      }
    }
  });

  it('allow no launch of an instance without the Broch tag', async () => {
    const { role = '' } = functions.find(({ entry }) => entry === 'workspaces/launch.lambda.ts') ?? {};
    const { EvaluationResults = [] } = await new IAMClient(cloud.configuration).send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: role,
        ActionNames: ['ec2:RunInstances', 'ec2:CreateTags', 'ec2:TerminateInstances', 'iam:PassRole'],
        ResourceArns: [`arn:aws:ec2:${cloud.region}:${cloud.account}:instance/*`],
      }),
    );
    expect(EvaluationResults.map(({ EvalDecision }) => EvalDecision)).toEqual(Array(4).fill('implicitDeny'));
  });
});
