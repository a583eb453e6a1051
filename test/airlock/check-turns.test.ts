import { describe, expect, it } from 'vitest';
import { admitTurn } from '../../functions/airlock/check-turns.ts';
import { readConfig } from '../../lib/config.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const now = '2026-11-28T12:00:00.000Z';
const secondsAgo = (seconds: number) => new Date(Date.parse(now) - seconds * 1000).toISOString();
const submission = { request: 'al-new', attempt: 1, now, limit: 2 };
const turn = (attempt = 1, seconds = 600) => ({ attempt, since: secondsAgo(seconds) });
const progress = (states: Record<string, [status: string, attempt: number]>) =>
  new Map(Object.entries(states).map(([id, [status, attempt]]) => [id, { status, attempt }]));

describe('a submission', () => {
  it('gets its turn while fewer than the limit are checked', () => {
    const turns = { 'al-1': turn() };
    expect(admitTurn(turns, progress({ 'al-1': ['checking', 1] }), submission)).toEqual({
      ...turns,
      'al-new': { attempt: 1, since: now },
    });
  });

  it.each(['submitted', 'checking'])('gets none where as many as the limit are %s', status => {
    const states = progress({ 'al-1': [status, 1], 'al-2': [status, 1] });
    expect(admitTurn({ 'al-1': turn(), 'al-2': turn() }, states, submission)).toBeUndefined();
  });

  it.each([
    ['that is in review', ['inReview', 1] as const],
    ['that went back to a draft', ['draft', 1] as const],
    ['whose check was replaced by a later attempt', ['checking', 2] as const],
    ['that was admitted a while ago and never submitted', ['draft', 0] as const],
  ])('takes the turn of a request %s', (_, [status, attempt]) => {
    const states = progress({ 'al-1': [status, attempt], 'al-2': ['checking', 1] });
    const turns = admitTurn({ 'al-1': turn(), 'al-2': turn() }, states, submission);
    expect(Object.keys(turns ?? {})).toEqual(['al-2', 'al-new']);
  });

  it('does not take the turn of one that was admitted at the same moment', () => {
    const states = progress({ 'al-1': ['draft', 0], 'al-2': ['checking', 1] });
    expect(admitTurn({ 'al-1': turn(1, 1), 'al-2': turn() }, states, submission)).toBeUndefined();
  });

  it('keeps its own turn when the call is repeated', () => {
    const states = progress({ 'al-new': ['draft', 0], 'al-2': ['checking', 1] });
    expect(admitTurn({ 'al-new': turn(1, 1), 'al-2': turn() }, states, submission)).toMatchObject({
      'al-new': { since: now },
    });
  });
});

it('the requests of one person use at most half of the concurrency that the deployment page asks for', () => {
  const config = readConfig('config/production.json');
  const machines = findTemplateResources(synthesiseApp(config).templates.platform, 'AWS::StepFunctions::StateMachine');
  const text = JSON.stringify(machines.filter(([id]) => id.startsWith('Airlock')));
  const widths = [...text.matchAll(/MaxConcurrency[^0-9]*(\d+)/g)].map(([, width]) => Number(width));
  expect(widths.length).toBeGreaterThan(1);
  expect(config.airlock.caps.personChecks * Math.max(...widths)).toBeLessThanOrEqual(100 / 2);
});
