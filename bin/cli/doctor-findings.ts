/** What `broch doctor` finds about one precondition of a deployment. */
export interface DoctorFinding {
  readonly check: string;
  /** `unknown`: it could not be read, for example for want of a right. */
  readonly status: 'ok' | 'action' | 'unknown';
  readonly message: string;
  /** What to do; only where something is to be done. */
  readonly remedy?: string;
}

const judge = (check: string, isGood: boolean, message: string, remedy: string): DoctorFinding =>
  isGood ? { check, status: 'ok', message } : { check, status: 'action', message, remedy };

/** A quota of the region that every project takes one of. */
export interface QuotaUse {
  readonly check: string;
  readonly name: string;
  readonly service: string;
  readonly used: number;
  readonly quota: number;
}

export const judgeQuota = ({ check, name, service, used, quota }: QuotaUse): DoctorFinding =>
  judge(
    check,
    used < quota,
    `${name}: ${used} of ${quota} in use`,
    `Ask for a higher quota "${name}" in Service Quotas (service ${service}): without it no further project can be created.`,
  );

/** Functions of the API, of workflows and of events share it; a new account has 10. */
const LEAST_CONCURRENCY = 100;
export const judgeConcurrency = (concurrency: number): DoctorFinding =>
  judge(
    'lambda concurrency',
    concurrency >= LEAST_CONCURRENCY,
    `Concurrent executions: ${concurrency}`,
    `Ask for at least ${LEAST_CONCURRENCY} "Concurrent executions" in Service Quotas (service lambda). AWS gives new accounts less, and then answers calls with errors.`,
  );

/** A desktop of the largest size in common use has 8. */
const LEAST_VCPUS = 8;
export const judgeVcpus = (name: string, vcpus: number): DoctorFinding =>
  judge(
    'vcpus',
    vcpus >= LEAST_VCPUS,
    `${name}: ${vcpus} vCPUs`,
    `Ask for the vCPUs of all desktops that run at once: "${name}" in Service Quotas (service ec2).`,
  );

/** What AWS gives a new account. */
const LEAST_RULES = 60;
/** Each running desktop takes a rule of the gateway's security group, and the gateway one. */
export const judgeRules = (name: string, rules: number): DoctorFinding =>
  judge(
    'desktops at once',
    rules >= LEAST_RULES,
    `${name}: ${rules}, so Broch's gateway opens at most ${rules - 1} desktops at once`,
    `Ask for more "${name}" in Service Quotas (service vpc), at most 200.`,
  );

/** `tags`: the status of each cost allocation tag by its key. */
export const judgeCostTag = (tags: ReadonlyMap<string, string>, key: string): DoctorFinding =>
  judge(
    'cost allocation tag',
    tags.get(key) === 'Active',
    `The cost allocation tag ${key} is ${tags.get(key)?.toLowerCase() ?? 'not known yet'}`,
    `Activate ${key} in Billing, Cost allocation tags, in the account that pays. AWS lists it up to a day after the first resource has it.`,
  );

export const judgeSubscriptions = (subscriptions: readonly string[]): DoctorFinding => {
  const confirmed = subscriptions.filter(arn => arn.startsWith('arn:')).length;
  return judge(
    'alarm subscriptions',
    confirmed > 0 && confirmed === subscriptions.length,
    `${confirmed} of ${subscriptions.length} subscriptions of the alarm topic are confirmed`,
    subscriptions.length === 0
      ? 'Set alarms.email in the configuration and deploy, or subscribe to the topic: nobody hears of an alarm.'
      : 'Follow the link in the mail of AWS that asks for the confirmation; it is valid for two days.',
  );
};

export const judgeScanPlan = (status: string, reasons: readonly string[]): DoctorFinding =>
  judge(
    'malware scan',
    status === 'ACTIVE',
    [`GuardDuty's plan for the airlock is ${status}`, ...reasons].join(': '),
    'Deploy the stacks data and airlock again, which restores the role of the plan. Until then the airlock blocks every request.',
  );

/** `state`: that of the image, or undefined where the parameter does not exist. */
export const judgeImage = (kind: string, state: string | undefined): DoctorFinding =>
  judge(
    `${kind} image`,
    state === 'available',
    state === undefined ? `No image is published for ${kind}` : `The image for ${kind} is ${state}`,
    `Build, approve and publish one: broch image build. Without it nobody can start a ${kind} desktop.`,
  );

export const judgeProtection = (stack: string, isProtected: boolean): DoctorFinding =>
  judge(
    'protection',
    isProtected,
    `${stack} is ${isProtected ? '' : 'not '}protected from deletion`,
    'Deploy once more without `-c first=true`.',
  );

export const unreadable = (check: string, error: unknown): DoctorFinding => ({
  check,
  status: 'unknown',
  message: `It could not be read: ${error instanceof Error ? error.message : String(error)}`,
});
