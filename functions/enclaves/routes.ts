import * as z from 'zod';
import { operatorAndMemberGrants, PagingQuery, pageOf, type Route } from '../http/route.ts';
import { Sha256, UserName } from '../identifiers.ts';
import { ProjectId } from '../projects/schemas.ts';
import { UploadAccess } from '../storage/upload-access.ts';
import { RunEvidence } from './evidence.ts';
import { ApprovedLoader, BoundKeys, EnclaveRun, RunId, RunManifest, Sha384 } from './schemas.ts';

const project = z.object({ project: ProjectId });
const projectRun = z.object({ project: ProjectId, run: RunId });
const routeDefaults = { capability: 'enclaves', status: 200 } as const;
/** Data stewards own data, partners own code. The core lets only the two of the run decide. */
const parties = [{ group: 'steward' }, { group: 'partner' }] as const;
const { loader, artefact, inputs, outputs, limits, notAfter } = RunManifest.shape;
const Hours = z.number().int().min(1).max(720).default(168);

export const enclavesRoutes = {
  proposeEnclaveRun: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/enclaves',
    status: 201,
    cli: 'enclave propose',
    callers: [{ group: 'researcher', member: ['lead', 'researcher'] }],
    summary: "Propose to run a partner's confidential code on an owner's data; both decide about the manifest",
    example:
      'enclave propose asthma --code-partner petra --artefact @code.json --inputs @data.json --outputs @outputs.json --limits @limits.json --not-after 2027-01-31T00:00:00Z',
    params: project,
    body: z.object({
      codePartner: UserName.describe('who decides for the code'),
      loader: loader
        .optional()
        .describe('the measurements of the loader: pcr0, pcr1, pcr2; left out: those of the approved image'),
      artefact: artefact.describe('the packed code: key, sha256, bytes, kmsKey'),
      inputs: inputs.describe('the packed data: dataset, version, key, sha256, bytes, kmsKey of each'),
      outputs: outputs.describe('what the outputs may have, and their key: maxBytes, maxFiles, kmsKey'),
      limits: limits.describe('what it may use: vcpus, memoryMiB, seconds'),
      notAfter: notAfter.describe('the last time at which it may run'),
      dataHours: Hours.describe('how long the data owner has to decide'),
      codeHours: Hours.describe('how long the code partner has to decide'),
    }),
    returns: EnclaveRun,
  },
  listEnclaveRuns: {
    ...routeDefaults,
    method: 'GET',
    path: '/projects/{project}/enclaves',
    cli: 'enclave list',
    callers: operatorAndMemberGrants,
    summary: 'List the enclave runs of a project, the newest first',
    example: 'enclave list asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(EnclaveRun),
  },
  listPartyEnclaveRuns: {
    ...routeDefaults,
    method: 'GET',
    path: '/enclaves',
    cli: 'enclave mine',
    callers: parties,
    summary: 'List the enclave runs that you decide about, for the data or for the code, the newest first',
    example: 'enclave mine',
    query: PagingQuery,
    returns: pageOf(EnclaveRun),
  },
  showEnclaveLoader: {
    ...routeDefaults,
    method: 'GET',
    path: '/enclaves/loader',
    cli: 'enclave loader',
    callers: [{ group: 'operator' }, ...parties, { group: 'researcher' }],
    summary: 'Show the measurements of the approved loader, for the policy of your key',
    example: 'enclave loader',
    query: z.object({
      project: ProjectId.optional().describe('the project of the run: a pin or a canary can give it another version'),
    }),
    returns: ApprovedLoader,
  },
  showEnclaveRun: {
    ...routeDefaults,
    method: 'GET',
    path: '/projects/{project}/enclaves/{run}',
    cli: 'enclave show',
    callers: [...operatorAndMemberGrants, ...parties],
    summary: 'Show an enclave run: its manifest, who approved it, and what became of it',
    example: 'enclave show asthma er-0011223344556677',
    params: projectRun,
    returns: EnclaveRun,
  },
  openEnclaveUpload: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/enclaves/{run}/upload',
    cli: 'enclave upload-access',
    mints: true,
    callers: parties,
    summary: 'Get credentials that can only upload one packed file of yours, for ten minutes',
    example: `enclave upload-access asthma er-0011223344556677 --sha256 ${'0'.repeat(64)}`,
    params: projectRun,
    body: z.object({ sha256: Sha256.describe('of the packed file, as the manifest names it') }),
    returns: UploadAccess,
  },
  approveEnclaveRun: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/enclaves/{run}/approve',
    cli: 'enclave approve',
    callers: parties,
    summary: 'Approve the manifest of an enclave run, for the data or for the code',
    example:
      "enclave approve asthma er-0011223344556677 --manifest 5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c5b9c --grant 0c237476b39f --keys '{}'",
    params: projectRun,
    body: z.object({
      manifest: Sha384.describe('the SHA-384 of the manifest that you approve'),
      grant: z.string().min(1).max(256).describe('the id of the grant on your key for this run'),
      keys: BoundKeys.describe('your keys bound to the run (kms:ReEncrypt), by the SHA-256 of the packed file'),
    }),
    returns: EnclaveRun,
  },
  refuseEnclaveRun: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/enclaves/{run}/refuse',
    cli: 'enclave refuse',
    callers: parties,
    summary: 'Refuse an enclave run, or take your approval back',
    example: "enclave refuse asthma er-0011223344556677 --reason 'The code was not reviewed.'",
    params: projectRun,
    body: z.object({ reason: z.string().min(1).max(1000) }),
    returns: EnclaveRun,
  },
  startEnclaveRun: {
    ...routeDefaults,
    method: 'POST',
    path: '/projects/{project}/enclaves/{run}/start',
    cli: 'enclave run',
    callers: [{ group: 'researcher', member: ['lead', 'researcher'] }],
    summary: 'Start an enclave run that both parties approved; it runs once',
    example: 'enclave run asthma er-0011223344556677',
    params: projectRun,
    returns: EnclaveRun,
  },
  showEnclaveEvidence: {
    ...routeDefaults,
    method: 'GET',
    path: '/projects/{project}/enclaves/{run}/evidence',
    cli: 'enclave evidence',
    callers: [...operatorAndMemberGrants, ...parties],
    summary: 'Get the evidence of a completed enclave run; check it offline with `broch enclave verify-evidence`',
    example: 'enclave evidence asthma er-0011223344556677',
    params: projectRun,
    returns: RunEvidence,
  },
} as const satisfies Record<string, Route>;
