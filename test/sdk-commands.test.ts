import { expect, it } from 'vitest';
import { commandsIn } from './sdk-commands.ts';

it('finds the commands that a module imports, and those of its pages', () => {
  const code =
    'import{GetItemCommand as a,DynamoDBClient as b}from"@aws-sdk/client-dynamodb";import{paginateDescribeInstances}from"@aws-sdk/client-ec2";';
  expect(commandsIn(code)).toEqual(['dynamodb:GetItem', 'ec2:DescribeInstances']);
});

it.each([
  ['a waiter', 'import{waitUntilInstanceRunning as a}from"@aws-sdk/client-ec2";a()'],
  ['a client with a method for each command', 'import{S3 as a}from"@aws-sdk/client-s3";new a().getObject()'],
  ['a whole package', 'import*as a from"@aws-sdk/client-s3";a.x()'],
  ['a package that is imported later', 'await import("@aws-sdk/client-s3")'],
])('refuses %s, whose commands no import names', (_, code) => {
  expect(() => commandsIn(code)).toThrow(/of the SDK is not known|import the names/);
});
