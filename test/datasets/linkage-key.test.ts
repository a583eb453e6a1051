import { expect, it } from 'vitest';
import { deployedPolicies, type PolicyStatementJson } from '../templates/policies.ts';

const statements = deployedPolicies
  .filter(({ type }) => type === 'AWS::IAM::Policy')
  .flatMap(({ place, statements: list, resolve }) =>
    list.map(statement => ({ place, statement, text: resolve(JSON.stringify(statement)) })),
  );
const actionsOf = ({ Action }: PolicyStatementJson) => [Action].flat();

const needsService = ({ Condition }: PolicyStatementJson) => JSON.stringify(Condition ?? {}).includes('kms:ViaService');

it('only one function can decrypt linkage keys, and with this right it can decrypt nothing else', () => {
  const direct = statements.filter(
    ({ statement }) =>
      actionsOf(statement).some(action => ['kms:Decrypt', 'kms:*', '*'].includes(action)) &&
      JSON.stringify(statement.Condition ?? {}).includes('"linkage"'),
  );
  expect(direct.map(({ place }) => place)).toEqual([expect.stringMatching(/^datasets.*Minimise/)]);
  expect(direct[0]?.statement).toMatchObject({
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext'],
    Condition: { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': ['linkage'] } },
  });
});

it('every other function uses the platform’s key only through the service that holds the data', () => {
  const { statement: permission } =
    statements.find(({ statement }) => JSON.stringify(statement.Condition ?? {}).includes('"linkage"')) ??
    expect.fail();
  const direct = statements.filter(
    ({ statement }) =>
      actionsOf(statement).includes('kms:Decrypt') &&
      !needsService(statement) &&
      JSON.stringify([statement.Resource].flat()) === JSON.stringify([permission.Resource].flat()),
  );
  expect(direct.map(({ place }) => place)).toEqual([expect.stringMatching(/^datasets.*Minimise/)]);
});

it('no other function can read the rows of linkage keys', () => {
  const readers = statements.filter(
    ({ statement, text }) =>
      actionsOf(statement).some(action => action.startsWith('dynamodb:')) && text.includes('LINKAGE#'),
  );
  expect([...new Set(readers.map(({ place }) => place))]).toEqual([expect.stringMatching(/^datasets.*Minimise/)]);
});
