import { CreateStackCommand, DeleteStackCommand, type Stack, UpdateStackCommand } from '@aws-sdk/client-cloudformation';
import { changeRows } from '../change.ts';
import { cloudFormation, describeProjectStack, describeStack, isCloudFormationError } from '../cloudformation.ts';
import { rowKey } from '../keys.ts';
import { type Row, readRow } from '../table.ts';
import {
  type AwakeHolder,
  type AwakeLimits,
  AwakeProject,
  type AwakeStack,
  acquireLease,
  allEndpointServices,
  asleep,
  planWaking,
  releaseLease,
} from './lease.ts';

/** What the functions that give leases back need. */
export interface SleepRoom {
  readonly table: string;
  /** The beginning of the names of all stacks of awake projects. */
  readonly prefix: string;
  /** The role with which CloudFormation builds the stack. */
  readonly serviceRole: string;
}

/** What the functions that wake projects need. */
interface AwakeRoom extends SleepRoom {
  readonly environment: string;
  readonly templateUrl: string;
}

/** Where a project's network is. */
export interface AwakePlace {
  readonly project: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const awakeKey = (project: string) => rowKey('awake', project);

async function changeLeases(
  { table }: SleepRoom,
  project: string,
  change: (row: AwakeProject) => AwakeProject,
): Promise<AwakeProject> {
  const { next } = await changeRows(
    table,
    `the leases of ${project}`,
    () => readRow(table, AwakeProject, awakeKey(project)),
    row => ({ row, next: change(row ?? asleep) }),
    ({ row, next: item }) => (item === row ? [] : [{ key: awakeKey(project), read: row, item: plain(item) }]),
  );
  return next;
}

const plain = ({ holders, generation, services }: AwakeProject | Row<AwakeProject>): AwakeProject => ({
  holders,
  generation,
  services,
});

/** The parameter of the template that says whether the endpoint of a service is needed. */
export const serviceParameter = (service: string) => `Service${service.replaceAll(/[^a-z]/g, '')}`;

function toAwakeStack(stack: Stack | undefined): AwakeStack {
  const status = stack?.StackStatus ?? 'DELETE_COMPLETE';
  const values = new Map(stack?.Parameters?.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]));
  const services = allEndpointServices.filter(service => values.get(serviceParameter(service)) === 'yes');
  if (status === 'DELETE_COMPLETE') return { state: 'none', services: [] };
  if (status.endsWith('_IN_PROGRESS')) return { state: 'busy', services };
  const isWhole = /^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(status);
  return { state: isWhole ? 'complete' : 'wreck', services };
}

const stackName = ({ prefix }: SleepRoom, project: string, generation: number) => `${prefix}${project}-${generation}`;

function stackInput(room: AwakeRoom, { project, parameters }: AwakePlace, { generation, services }: AwakeProject) {
  const values = {
    ...parameters,
    ...Object.fromEntries(
      allEndpointServices.map(service => [serviceParameter(service), services.includes(service) ? 'yes' : 'no']),
    ),
  };
  return describeProjectStack({ ...room, name: stackName(room, project, generation), project, parameters: values });
}

const deleteStack = (room: SleepRoom, project: string, generation: number) =>
  cloudFormation.send(
    new DeleteStackCommand({ StackName: stackName(room, project, generation), RoleARN: room.serviceRole }),
  );

type WakeCall = readonly [room: AwakeRoom, place: AwakePlace, holder: AwakeHolder, limits: AwakeLimits];

/**
 * Gives the holder a lease and does the next thing that waking needs. Ask again until it answers `awake`. Whoever asks at
 * the same time finds the stack of the first.
 */
export const wakeProject = async (...call: WakeCall): Promise<'awake' | 'waking'> =>
  (await takeWakeStep(...call)).step === 'awake' ? 'awake' : 'waking';

/**
 * Gives the holder a lease and answers whether all endpoints that it needs exist or are being made. Ask again until they
 * are: another use may be waking the project without them.
 */
export async function requestEndpoints(...call: WakeCall): Promise<boolean> {
  const { step, isRequested } = await takeWakeStep(...call);
  return step === 'awake' || step === 'create' || (step === 'wait' && isRequested);
}

async function takeWakeStep(...[room, place, holder, limits]: WakeCall) {
  const { project } = place;
  const row = await changeLeases(room, project, leases => acquireLease(leases, holder, limits));
  const { generation } = row;
  const earlier = toAwakeStack(
    generation > 1 ? await describeStack(stackName(room, project, generation - 1)) : undefined,
  );
  const current = toAwakeStack(await describeStack(stackName(room, project, generation)));
  const step = planWaking(row, earlier, current);
  switch (step) {
    case 'clear':
      await deleteStack(room, project, generation - 1);
      break;
    case 'delete':
      await deleteStack(room, project, generation);
      break;
    case 'create':
      await orExists(
        cloudFormation.send(new CreateStackCommand({ ...stackInput(room, place, row), OnFailure: 'DELETE' })),
      );
      await clearOvertaken(room, project, generation);
      break;
    case 'update':
      await orExists(cloudFormation.send(new UpdateStackCommand(stackInput(room, place, row))));
      break;
    case 'awake':
    case 'wait':
  }
  const isRequested = current.state === 'busy' && row.services.every(service => current.services.includes(service));
  return { step, isRequested };
}

/** Somebody else created or updates the stack at the same time. */
async function orExists(call: Promise<unknown>): Promise<void> {
  await call.catch(error => {
    const harmless =
      isCloudFormationError(error, 'AlreadyExistsException') ||
      (isCloudFormationError(error, 'ValidationError') && /IN_PROGRESS|No updates/.test(error.message));
    if (!harmless) throw error;
  });
}

/** The generation may have ended between reading its number and creating its stack. */
async function clearOvertaken(room: SleepRoom, project: string, generation: number): Promise<void> {
  const row = await readRow(room.table, AwakeProject, awakeKey(project));
  if (row && row.generation > generation) await deleteStack(room, project, generation);
}

/** Gives a lease back. The last one lets the project sleep; nobody waits until its stack is gone. */
export async function releaseProject(room: SleepRoom, project: string, holder: string): Promise<void> {
  const { holders, generation } = await changeLeases(room, project, leases => releaseLease(leases, holder));
  // Repeated for a call that was interrupted here. A stack that is gone stays so.
  if (holders.length === 0 && generation > 1) await deleteStack(room, project, generation - 1);
}
