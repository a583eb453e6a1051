import type { APIGatewayProxyEventV2WithJWTAuthorizer, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { routes } from '../../functions/api/routes.ts';
import { http, type Operations } from '../../functions/http/http.ts';
import {
  type Capability,
  type ProjectRole,
  type Route,
  type UserGroup,
  userGroups,
} from '../../functions/http/route.ts';

interface TestCall {
  route: Route;
  claims?: Record<string, unknown> | undefined;
  params?: Record<string, string>;
  body?: string;
  headers?: Record<string, string>;
  query?: Record<string, string>;
  rawQueryString?: string;
  bytes?: Uint8Array;
  rawPath?: string;
  hasProject?: boolean;
  /** The gateway gives `$default` where it finds no route. */
  routeKey?: string;
}

const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 30_000 } as Context;
const batchImage = `quay/python@sha256:${'a'.repeat(64)}`;
const examples: Record<string, string> = {
  project: 'asthma',
  workspace: 'ws-001122334455',
  delivery: 'dl-0011223344556677',
  request: 'al-0011223344556677',
  use: 'du-0011223344556677',
  run: 'er-0011223344556677',
  job: 'job-0011223344556677',
  kind: 'cpu',
  dataset: 'admissions',
  version: 'latest',
  later: 'latest',
  name: 'rana',
  pipeline: 'counts',
  image: 'linux-desktop',
  date: '2026-11-01',
};
const packedFile = {
  key: 'data/enclaves/file.pack',
  sha256: 'd'.repeat(64),
  bytes: 1000,
  kmsKey: 'arn:aws:kms:eu-west-2:000000000000:key/1',
};
export const exampleBodies: Record<string, object> = {
  createProject: { id: 'asthma', title: 'Asthma' },
  addMember: { roles: ['researcher'] },
  removeMember: { reason: 'left' },
  setContract: { resources: [{ path: '*.csv', schema: { fields: [{ name: 'id' }] } }] },
  setPartnerKeys: { keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f'] },
  registerPartner: {
    organisation: 'Tayside Health',
    contact: 'petra@tayside.example',
    agreement: 'DSA 2026-14',
    startsAt: '2026-01-01T00:00:00Z',
    endsAt: '2028-01-01T00:00:00Z',
    datasets: ['admissions'],
  },
  proposeEnclaveRun: {
    codePartner: 'petra',
    loader: { pcr0: 'a'.repeat(96), pcr1: 'b'.repeat(96), pcr2: 'c'.repeat(96) },
    artefact: packedFile,
    inputs: [{ ...packedFile, dataset: 'admissions', version: 'e'.repeat(64) }],
    outputs: { maxBytes: 1000, maxFiles: 1, kmsKey: packedFile.kmsKey },
    limits: { vcpus: 2, memoryMiB: 1024, seconds: 600 },
    notAfter: '2027-06-30T00:00:00Z',
  },
  openEnclaveUpload: { sha256: 'f'.repeat(64) },
  approveEnclaveRun: { manifest: 'a'.repeat(96), grant: 'grant', keys: {} },
  refuseEnclaveRun: { reason: 'The code was not reviewed.' },
  openDelivery: { dataset: 'admissions' },
  startUpload: { path: 'a.csv', size: 3 },
  signUpload: { path: 'a.csv', upload: 'u', parts: [1] },
  completeUpload: { path: 'a.csv', upload: 'u', size: 3 },
  rejectDelivery: { reason: 'The year 2025 is missing.' },
  acceptUnscanned: { reason: 'Encrypted by agreement.' },
  askWorkspace: { kind: 'desktop' },
  requestQueue: { reason: 'Models.' },
  approveQueue: { dollars: 10 },
  requestContainer: { image: batchImage, reason: 'Models.' },
  approveContainer: { image: batchImage },
  withdrawContainer: { image: batchImage },
  estimateJob: { image: batchImage, command: ['true'] },
  submitJob: { image: batchImage, command: ['true'] },
  runPipeline: { revision: '1.0', image: batchImage, taskImage: batchImage },
  cancelJob: { reason: 'The input was wrong.' },
  setTimetable: { days: ['mon'] },
  estimateWorkspace: { kind: 'desktop' },
  giveWorkspace: { member: 'sub-rana', kind: 'desktop' },
  restoreWorkspace: { snapshot: 'snap-00112233445566778' },
  resizeWorkspace: { size: 'large' },
  keepWorkspaceAwake: { until: '2026-11-30T18:00:00Z' },
  draftRequest: {
    title: 'Table 1',
    source: 'data/outbox/table1/',
    groups: [{ name: 'table', kind: 'table', purpose: 'paper', paths: ['**'] }],
  },
  withdrawRequest: { reason: 'wrong table' },
  reviewRequest: { verdict: 'approve', seal: '0'.repeat(64) },
  returnRequest: { seal: '0'.repeat(64), comment: 'Round the counts.' },
  takeDownload: { token: 'A'.repeat(43) },
  downloadFiles: { token: 'A'.repeat(43) },
  downloadPart: { token: 'A'.repeat(43) },
  revokeRequest: { reason: 'a small count' },
  governDataset: {
    owner: 'sam',
    title: 'Admissions',
    controller: 'Tayside Health',
    licence: 'DSA 2026-14',
    purposes: ['research'],
  },
  withdrawDataset: { reason: 'The agreement ended.' },
  suspendDataset: { reason: 'A column is under investigation.' },
  requestUse: { dataset: 'admissions', purpose: 'research', endsAt: '2027-06-30T00:00:00Z', explanation: 'By region.' },
  requestPackage: { format: 'pypi', name: 'lifelines', explanation: 'Survival models.' },
  approvePackage: { tier: 2, format: 'pypi', name: 'lifelines' },
  refusePackage: { tier: 2, format: 'pypi', name: 'lifelines', reason: 'Unknown authors.' },
  revokePackage: { tier: 2, format: 'pypi', name: 'lifelines', reason: 'Unknown authors.' },
  setPackageTier: { tier: 2 },
  refuseUse: { reason: 'The ethics approval is missing.' },
  endUse: { reason: 'The analysis is finished.' },
};
/** Versions of images are numbers; those of datasets are not. */
const exampleOf = (name: string, { capability }: Route) =>
  name === 'version' && capability === 'images' ? '3' : (examples[name] ?? 'x');
const paramsOf = (route: Route) =>
  Object.fromEntries(Object.keys(route.params?.shape ?? {}).map(name => [name, exampleOf(name, route)]));

export const claimsOf = (groups: readonly string[], id = 'user-1') => ({
  sub: id,
  username: 'rana',
  token_use: 'access',
  'cognito:groups': `[${groups.join(' ')}]`,
});

/** Every operation of a capability answers with what `answer` says: what is under test is all that comes before it. */
export async function ask(
  {
    route,
    claims,
    params = paramsOf(route),
    body,
    bytes,
    headers,
    query,
    rawQueryString = '',
    rawPath = route.path,
    hasProject = true,
    routeKey = `${route.method} ${route.path}`,
  }: TestCall,
  answer: (call: unknown) => unknown = () => ({}),
  roles: ProjectRole[] = [],
  poolGroups: readonly UserGroup[] = userGroups,
) {
  const names = Object.entries(routes)
    .filter(([, candidate]) => candidate.capability === route.capability)
    .map(([name]) => name);
  const operations = Object.fromEntries(
    names.map(name => [name, async (call: unknown) => answer(call)]),
  ) as unknown as Operations<typeof routes, Capability>;
  const reads: string[] = [];
  const handler = http(routes, route.capability, operations, {
    membership: async (_, user) => {
      reads.push(user);
      return user === 'user-1' ? { user, name: 'rana', roles, since: '2026-11-01T00:00:00Z', changes: [] } : undefined;
    },
    groups: async () => poolGroups,
    hasProject: async () => hasProject,
  });
  const event = {
    routeKey,
    rawPath,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    pathParameters: params,
    queryStringParameters: query,
    rawQueryString,
    body: bytes ? Buffer.from(bytes).toString('base64') : body,
    isBase64Encoded: bytes !== undefined,
    requestContext: { stage: 'v1', ...(claims && { authorizer: { jwt: { claims } } }) },
  } as unknown as APIGatewayProxyEventV2WithJWTAuthorizer;
  const result = (await handler(event, context)) as APIGatewayProxyStructuredResultV2;
  const type = result.headers?.['content-type'];
  const { statusCode: status, body: text = '{}', isBase64Encoded } = result;
  return {
    status,
    type,
    allow: result.headers?.allow,
    /** How often the membership was read. */
    reads: reads.length,
    body: isBase64Encoded ? Buffer.from(text, 'base64') : JSON.parse(text),
  };
}
