import { expect, it } from 'vitest';
import { summariseRequest, summaryFor } from '../../functions/airlock/request/summary.ts';
import { buildAirlockConfig, buildRequestInReview, rana } from './builders.ts';

it.each([
  [['operator'], true],
  [['operator', 'reviewer'], false],
  [['reviewer'], false],
  [['researcher'], false],
])('a list tells people in %j of too few reviewers: %s', (groups, isTold) => {
  const facts = { rules: buildAirlockConfig({ quorum: 2 }), members: [rana.id], reviewers: [], candidates: [] };
  const summary = summariseRequest(buildRequestInReview(facts));
  expect('unreachable' in summaryFor({ groups }, summary)).toBe(isTold);
});
