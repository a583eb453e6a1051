import { expect, it } from 'vitest';
import { explainClosedExplorer } from '../../functions/costs/explorer.ts';

const fault = (name: string, message: string) => Object.assign(new Error(message), { name });

it.each([
  ['AccessDeniedException', 'User not enabled for cost explorer access', /Open it once in the Billing/],
  ['AccessDeniedException', 'User: x is not authorized to perform: ce:GetCostAndUsage', /service control policies/],
  ['DataUnavailableException', 'Data is not available. Please try again later.', /within about 24 hours/],
])('explains the error %s of Cost Explorer (%s) with the remedy', (name, message, remedy) =>
  expect(explainClosedExplorer(fault(name, message))).toMatch(remedy),
);

it.each(['LimitExceededException', 'BillExpirationException', 'TimeoutError'])(
  'leaves the error %s of Cost Explorer to the retries',
  name => expect(explainClosedExplorer(fault(name, 'x'))).toBeUndefined(),
);

it('leaves what is no error to the retries', () => expect(explainClosedExplorer('x')).toBeUndefined());
