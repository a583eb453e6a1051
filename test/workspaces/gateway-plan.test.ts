import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GatewayState, planGateway } from '../../functions/workspaces/gateway-plan.ts';

const idle: GatewayState = { machine: 'stopped', desktops: [], rules: [], endpoints: [] };
const emptyPlan = { open: [], close: [], createEndpoint: false, deleteEndpoints: [] };
const rule = (address: string, id = `sgr-${address}`) => ({ id, address });

describe('the plan of the gateway', () => {
  it.each([
    ['nothing runs and the machine is stopped', idle, emptyPlan],
    [
      'the first desktop runs',
      { ...idle, desktops: ['10.0.0.1'] },
      { power: 'start', open: ['10.0.0.1'], close: [], createEndpoint: true, deleteEndpoints: [] },
    ],
    [
      'all is there already',
      { machine: 'running', desktops: ['10.0.0.1'], rules: [rule('10.0.0.1')], endpoints: ['vpce-1'] },
      emptyPlan,
    ],
    [
      'the last desktop is gone',
      { machine: 'running', desktops: [], rules: [rule('10.0.0.1')], endpoints: ['vpce-1'] },
      { power: 'stop', open: [], close: ['sgr-10.0.0.1'], createEndpoint: false, deleteEndpoints: ['vpce-1'] },
    ],
    [
      'the machine is still stopping',
      { machine: 'stopping', desktops: ['10.0.0.1'], rules: [], endpoints: ['vpce-1'] },
      { open: ['10.0.0.1'], close: [], createEndpoint: false, deleteEndpoints: [] },
    ],
    [
      'one address has two rules',
      {
        machine: 'running',
        desktops: ['10.0.0.1'],
        rules: [rule('10.0.0.1', 'sgr-1'), rule('10.0.0.1', 'sgr-2')],
        endpoints: ['vpce-1'],
      },
      { ...emptyPlan, close: ['sgr-2'] },
    ],
  ] as const)('when %s', (_, state, plan) => expect(planGateway(state)).toEqual(plan));

  it('leaves one rule for each running desktop and no other, and then has nothing more to do', () => {
    const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.4.9', '10.1.0.3');
    fc.assert(
      fc.property(
        fc.constantFrom('stopped', 'running', 'pending', 'stopping'),
        fc.array(address),
        fc.array(address),
        fc.subarray(['vpce-1', 'vpce-2']),
        (machine, desktops, ruleAddresses, endpoints) => {
          const rules = ruleAddresses.map((candidate, index) => rule(candidate, `sgr-${index}`));
          const plan = planGateway({ machine, desktops, rules, endpoints });
          const next = [
            ...rules.filter(({ id }) => !plan.close.includes(id)),
            ...plan.open.map(candidate => rule(candidate)),
          ];
          expect(next.map(({ address }) => address).sort()).toEqual([...new Set(desktops)].sort());
          const settledState = {
            machine: desktops.length > 0 ? 'running' : 'stopped',
            desktops,
            rules: next,
            endpoints: desktops.length > 0 ? ['vpce-1'] : [],
          };
          expect(planGateway(settledState)).toEqual(emptyPlan);
        },
      ),
    );
  });
});
