import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, expect } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { SignedRelease } from '../../functions/airlock/release/record.ts';
import { fingerprintOf } from '../../functions/airlock/release/verify.ts';
import type { RunEvidence } from '../../functions/enclaves/evidence.ts';
import { castPeople, waitForStatus } from '../airlock/harness.ts';
import { makeTestFolder, runBroch } from '../cli/harness.ts';
import type { connectTestCloud } from '../cloud.ts';

/** The outputs of a run go the way of every export: submitted, checked, approved by two reviewers, released. */
async function releaseOutputs(proposer: ApiClient, params: { project: string; request: string }): Promise<void> {
  const { vera, viktor } = castPeople();
  await proposer.ask('submitRequest', { params });
  const request = await waitForStatus(vera, params, ['inReview', 'returned', 'blocked']);
  expect(request, JSON.stringify(request)).toMatchObject({ status: 'inReview' });
  const body = { verdict: 'approve' as const, seal: request.seal?.sha256 ?? '' };
  for (const reviewer of [vera, viktor]) await reviewer.ask('reviewRequest', { params, body });
  await vera.ask('releaseRequest', { params });
  await waitForStatus(vera, params, ['released']);
}

/** What a party reads that checks the evidence at its own machine, with the key of releases that the operator gave it. */
async function readEvidenceInWords(
  { configuration }: ReturnType<typeof connectTestCloud>,
  evidence: RunEvidence,
  rootPem: string,
): Promise<{ code: number; words: string }> {
  const folder = makeTestFolder(afterAll);
  const [file, root] = [join(folder, 'evidence.json'), join(folder, 'root.pem')];
  writeFileSync(file, JSON.stringify(evidence));
  writeFileSync(root, rootPem);
  const { record } = SignedRelease.parse(JSON.parse(evidence.release ?? '{}'));
  const { PublicKey } = await new KMSClient(configuration).send(new GetPublicKeyCommand({ KeyId: record.keyId }));
  const key = fingerprintOf(createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' }));
  const { code, output } = await runBroch(['enclave', 'verify-evidence', file, '--root', root, '--key', key]);
  return { code, words: output.replace(/\s+/g, ' ') };
}

/** Once outputs are released, the evidence tells so, and is else what it was before. */
export async function expectReleaseInEvidence(
  cloud: ReturnType<typeof connectTestCloud>,
  proposer: ApiClient,
  params: { project: string; request: string },
  earlier: RunEvidence,
  readEvidence: () => Promise<RunEvidence>,
  root: string,
): Promise<void> {
  await releaseOutputs(proposer, params);
  const evidence = await readEvidence();
  expect({ ...evidence, release: undefined }).toEqual({ ...earlier, release: undefined });
  const { code, words } = await readEvidenceInWords(cloud, evidence, root);
  expect(words).toMatch(
    /^The evidence holds\. .* release holds\. 1 file was released to \S+ on .* after review by 2 people\./,
  );
  expect(code).toBe(0);
}
