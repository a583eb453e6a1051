import { expect, it } from 'vitest';
import { findTemplateResources, synthesiseApp } from '../template.ts';

it('access tokens hold for at most ten minutes and no less than Cognito allows', () => {
  const clients = findTemplateResources(synthesiseApp().templates.data, 'AWS::Cognito::UserPoolClient');
  expect(clients.length).toBe(1);
  for (const [, { Properties }] of clients) {
    expect(Properties.TokenValidityUnits).toMatchObject({ AccessToken: 'minutes', IdToken: 'minutes' });
    for (const name of ['AccessTokenValidity', 'IdTokenValidity']) {
      expect(Properties[name], name).toBeLessThanOrEqual(10);
      expect(Properties[name], name).toBeGreaterThanOrEqual(5);
    }
    expect(Properties.EnableTokenRevocation).toBe(true);
  }
});
