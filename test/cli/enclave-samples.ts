import { boundKeys, codePartner, dataOwner, digest, manifest, outputs, researcher } from '../enclaves/runs.ts';
import { requestSamples } from './request-samples.ts';

const { time, purpose: long } = requestSamples;
const approval = (person: object) => ({
  by: person,
  at: time,
  manifest: digest,
  grant: '0c237476b39f8bc44e45',
  keys: boundKeys,
});
const proposedRun = {
  status: 'proposed',
  id: manifest.run,
  project: manifest.project,
  manifest,
  digest,
  parties: { data: dataOwner, code: codePartner },
  proposedBy: researcher,
  proposedAt: time,
  deadlines: { data: time, code: time },
  approvals: {},
};
const authorisedRun = {
  ...proposedRun,
  status: 'authorised',
  approvals: { data: approval(dataOwner), code: approval(codePartner) },
};
const progress = { startedAt: time, instance: 'i-0123456789abcdef0', attestedAt: time, module: 'i-0123-enc4567' };
const completedRun = { ...authorisedRun, ...progress, status: 'completed', request: 'al-0011', outputs, endedAt: time };
const refusedRun = { ...proposedRun, status: 'refused', by: dataOwner, reason: long, endedAt: time };

/** An answer of each route about enclave runs. */
export const enclaveSamples = {
  proposeEnclaveRun: proposedRun,
  listEnclaveRuns: { items: [proposedRun, authorisedRun, completedRun, refusedRun] },
  listPartyEnclaveRuns: { items: [proposedRun, refusedRun] },
  showEnclaveLoader: { version: 3, measurements: manifest.loader },
  showEnclaveRun: completedRun,
  approveEnclaveRun: authorisedRun,
  refuseEnclaveRun: refusedRun,
  startEnclaveRun: { ...authorisedRun, status: 'running', startedAt: time },
  showEnclaveEvidence: {
    v: 1,
    manifest,
    approvals: authorisedRun.approvals,
    attestation: 'AA==',
    result: '{}',
    signature: 'AA==',
  },
};
