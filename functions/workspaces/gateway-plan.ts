/** A rule of the gateway's security group: it may reach the desktop at this address. */
export interface DesktopRule {
  readonly id: string;
  readonly address: string;
}

/** What exists now: the gateway's machine, the addresses of running desktops, and the rules and endpoints of the gateway. */
export interface GatewayState {
  /** The state of the machine, in EC2's words. */
  readonly machine: string;
  readonly desktops: readonly string[];
  readonly rules: readonly DesktopRule[];
  /** The endpoints of Secrets Manager in the gateway's network. */
  readonly endpoints: readonly string[];
}

export interface GatewayPlan {
  readonly power?: 'start' | 'stop';
  /** The addresses that get a rule, and the rules that go. */
  readonly open: readonly string[];
  readonly close: readonly string[];
  readonly createEndpoint: boolean;
  readonly deleteEndpoints: readonly string[];
}

/**
 * What brings the gateway in line with the desktops that run: one rule for each, and a machine that runs with the endpoint
 * that gives it the key of links, or none of that. A machine that is starting or stopping is left alone: EC2 announces the
 * end of that, which calls this again.
 */
export function planGateway({ machine, desktops, rules, endpoints }: GatewayState): GatewayPlan {
  const isNeeded = desktops.length > 0;
  const power = isNeeded && machine === 'stopped' ? 'start' : !isNeeded && machine === 'running' ? 'stop' : undefined;
  return {
    ...(power && { power }),
    open: [...new Set(desktops)].filter(address => !rules.some(rule => rule.address === address)),
    close: rules
      .filter(
        ({ address }, index) =>
          !desktops.includes(address) || rules.findIndex(rule => rule.address === address) !== index,
      )
      .map(({ id }) => id),
    createEndpoint: isNeeded && endpoints.length === 0,
    deleteEndpoints: isNeeded ? [] : endpoints,
  };
}
