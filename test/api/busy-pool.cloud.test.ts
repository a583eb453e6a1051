import { expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { watchCalls } from '../faults.ts';
import { signInNewUser } from './caller.ts';

const cloud = connectTestCloud();

it.each(['cognito-idp:AdminListGroupsForUser', 'cognito-idp:AdminGetUser'])(
  'a user pool that answers no more reads (%s) makes a call wait, and raises no alarm',
  async action => {
    const name = `busy-${action.length}`;
    const olga = await signInNewUser(cloud, name, 'operator');
    const watch = await watchCalls(cloud, name, [
      { function: 'projects/api.lambda.ts GET /projects', action, nth: null, how: 'throttle' },
    ]);
    const { status, type, body } = await olga.ask('GET', '/projects');
    expect({ status, type }).toEqual({ status: 429, type: 'application/problem+json' });
    expect(body.detail).toMatch(/Try again in a few seconds/);
    await watch.end();
    expect((await olga.ask('GET', '/projects')).status).toBe(200);
  },
);
