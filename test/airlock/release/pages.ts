import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  type ReleaseRecord,
  recordOf,
  SIGNING_ALGORITHM,
  type SignedRelease,
  signingInput,
} from '../../../functions/airlock/release/record.ts';

export const hashReleaseText = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
export const makeSigningKeys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const exampleKeyId = 'arn:aws:kms:eu-west-2:111122223333:key/11111111-2222-3333-4444-555555555555';

/** Files of a folder by their text. */
export const exampleReleaseFiles: Record<string, string> = {
  'tables/counts.csv': 'group,n\na,12\nb,30\n',
  'tables/sub/counts.csv': 'group,n\nc,15\n',
  'figures/räntä.svg': '<svg/>',
  'README.md': '# Counts\n',
};

export function buildReleaseRecord(files = exampleReleaseFiles, changes: Partial<ReleaseRecord> = {}): ReleaseRecord {
  const fileEntries = Object.entries(files).map(([path, text]) => ({
    path,
    size: Buffer.byteLength(text),
    sha256: hashReleaseText(text),
  }));
  const bytes = fileEntries.reduce((sum, { size }) => sum + size, 0);
  return recordOf({
    request: 'rq-0011223344556677',
    round: 2,
    direction: 'export',
    project: 'asthma',
    seal: { sha256: hashReleaseText('seal'), files: fileEntries.length, bytes, sealedAt: '2026-11-01T09:00:00.000Z' },
    files: fileEntries,
    requester: 'u-rae',
    reviewers: [
      { id: 'u-one', at: '2026-11-01T10:00:00.000Z' },
      { id: 'u-two', at: '2026-11-01T11:00:00.000Z' },
    ],
    checks: hashReleaseText('reports'),
    policy: 'strict-3',
    approvedAt: '2026-11-01T11:00:00.000Z',
    releasedAt: '2026-11-01T11:00:05.000Z',
    expires: '2026-12-01T11:00:05.000Z',
    recipient: 'u-rae',
    keyId: exampleKeyId,
    ...changes,
  });
}

export const signRelease = (
  record: ReleaseRecord,
  pair: { privateKey: KeyObject; publicKey: KeyObject },
): SignedRelease => ({
  record,
  signature: {
    algorithm: SIGNING_ALGORITHM,
    keyId: record.keyId,
    value: sign('sha256', Buffer.from(signingInput(record)), pair.privateKey).toString('base64'),
  },
  publicKey: pair.publicKey.export({ format: 'pem', type: 'spki' }) as string,
});
