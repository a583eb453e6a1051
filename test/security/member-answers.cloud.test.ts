import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CallInput } from '../../bin/cli/call.ts';
import { type RouteName, routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { addProjectMember, airlockScene, enrolTestUser, type TestUser } from '../airlock/harness.ts';

const scene = airlockScene('sec-members');
const { cloud, project, people, submit, settle } = scene;
/** Names and content of what is submitted: no answer to a member may hold them, and no key or id holds them by chance. */
const secret = /xq(?:name|head|cell|other|first|second)/;
const small = { 'xqname.csv': 'xqhead,n\nxqcell,3\nxqother,3000\n' };
const clean = {
  'xqfirst.csv': 'xqhead,n\nxqcell,2000\nxqother,3000\n',
  'xqsecond.csv': 'xqhead,n\nxqcell,4000\nxqother,5000\n',
};
const members = {} as Record<'requester' | 'member' | 'member who is a reviewer', TestUser>;
type Params = { project: string; request: string };
const requests = {} as Record<'rejected' | 'blocked' | 'inReview' | 'returned' | 'released', Params>;

beforeAll(async () => {
  const nina = await enrolTestUser(cloud, 'sec-members-nina', 'researcher');
  const rolf = await enrolTestUser(cloud, 'sec-members-rolf', 'reviewer');
  for (const person of [nina, rolf]) await addProjectMember(cloud, project, person);
  Object.assign(members, { requester: people.rana, member: nina, 'member who is a reviewer': rolf });
  const settings = { settings: { partial: true }, reason: 'a test', confirm: true };
  await people.olga.ask('changeSettings', { params: { project }, body: settings });
  const [rejectedRequest, blockedRequest, inReview, returnedRequest, releasedRequest] = [
    await submit(small, ['none/**']),
    await submit(small),
    await submit(clean),
    await submit(clean),
    await submit(clean),
  ].map(({ params }) => params) as [Params, Params, Params, Params, Params];
  Object.assign(requests, {
    rejected: rejectedRequest,
    blocked: blockedRequest,
    inReview,
    returned: returnedRequest,
    released: releasedRequest,
  });
  await settle(rejectedRequest, ['draft']);
  await settle(blockedRequest, ['blocked']);
  await settle(inReview, ['inReview']);
  const change = async (params: Params, verdict: 'return' | 'approve') => {
    const { seal } = await settle(params, ['inReview']);
    const files = [{ path: 'xqsecond.csv', comment: 'Explain this.' }];
    const body = { verdict, seal: seal?.sha256 ?? '', comment: 'See the file.', files };
    for (const reviewer of [people.vera, people.viktor]) await reviewer.ask('reviewRequest', { params, body });
  };
  await change(returnedRequest, 'return');
  await settle(returnedRequest, ['returned']);
  await change(releasedRequest, 'approve');
  await settle(releasedRequest, ['approved']);
  await people.vera.ask('releaseRequest', { params: releasedRequest });
  await settle(releasedRequest, ['released']);
});

/** Everything that any answer may need: nothing of it is secret but the path, which the caller knows. */
const inputFor = (params: Params) => ({
  params: {
    ...params,
    workspace: 'ws-00112233aabb',
    delivery: 'dl-0011223344556677',
    dataset: 'sleep',
    date: '2026-11-01',
    name: 'x',
  },
  query: { path: 'xqfirst.csv' },
});
/** Sends the query only where the route has one for it: any other field would be refused before anything is read. */
const answerOf = (user: TestUser, name: RouteName, { query, ...input }: CallInput): Promise<string> => {
  const { query: schema }: Route = routes[name];
  const call = { ...input, ...(schema && 'path' in schema.shape && { query }) };
  return user.call(name, call as Parameters<typeof user.call>[1]).then(
    answer => JSON.stringify(answer),
    (error: Error & { problem?: unknown }) => JSON.stringify([error.message, error.problem]),
  );
};
const reads = Object.entries<Route>(routes).flatMap(([name, { method }]) =>
  method === 'GET' ? [name as RouteName] : [],
);

describe.each(['rejected', 'blocked', 'inReview', 'returned', 'released'] as const)(
  'for a request that is %s',
  state => {
    it.each(['requester', 'member', 'member who is a reviewer'] as const)(
      'no answer to the %s contains the name of a file or a value from one',
      async person => {
        for (const name of reads) {
          // Routes that name no request know nothing of its state: one state is enough for them.
          if (state !== 'inReview' && !routes[name].path.includes('{request}')) continue;
          // What was released to the requester is theirs.
          if (state === 'released' && person === 'requester' && /download/i.test(name)) continue;
          expect(`${name}: ${await answerOf(members[person], name, inputFor(requests[state]))}`).not.toMatch(secret);
        }
      },
    );
  },
);

it('these tests call every route that reads', () => {
  console.log(`members: ${reads.length} reading routes tried as 3 people, those of a request in 5 states`);
  expect(reads.length).toBeGreaterThan(20);
});

it('members learn the rule, row and column of each finding, and where the full report is', async () => {
  const { report, fullReport, seal } = await people.rana.ask('showRequest', { params: requests.blocked });
  expect(seal).toBeUndefined();
  expect(report?.first[0]).toMatchObject({
    path: 'file 1',
    rule: 'sdc.minimum-count',
    cells: [{ row: 2, column: 2, value: '' }],
  });
  const s3 = new S3Client(cloud.configuration);
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: scene.bucket(), Key: fullReport }));
  const page = await Body?.transformToString();
  expect(page).toContain('xqname.csv');
  expect(page).toContain('sdc.minimum-count');
});

it('members learn why a submission was not sealed, but only the full report names the files', async () => {
  const { findings, fullReport } = await people.rana.ask('showRequest', { params: requests.rejected });
  expect(findings).toEqual([{ path: '', reason: expect.stringContaining('No group matches this file') }]);
  const s3 = new S3Client(cloud.configuration);
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: scene.bucket(), Key: fullReport }));
  expect(await Body?.transformToString()).toContain('xqname.csv');
});

it('members learn the number, not the name, of the file that reviewers want changed', async () => {
  const { comments } = await people.rana.ask('showRequest', { params: requests.returned });
  expect(comments?.[0]?.files).toEqual([{ path: 'file 2', file: 2, comment: 'Explain this.' }]);
});

it('members are refused the files, the reports and the votes, and told where to look instead', async () => {
  for (const name of ['listFiles', 'showChecks', 'viewFile', 'listRounds'] as const)
    expect(await answerOf(members['member who is a reviewer'], name, inputFor(requests.inReview))).toMatch(
      /data\/reports\/al-[0-9a-f]{16}\/round-1\.html/,
    );
});

it('no answer to a write, accepted or refused, contains the name of a file or a value from one', async () => {
  const bodies: Partial<Record<RouteName, object>> = {
    reviewRequest: { verdict: 'approve', seal: '0'.repeat(64), files: [{ path: 'other.csv', comment: 'x' }] },
    returnRequest: { seal: '0'.repeat(64), comment: 'x' },
    releaseRequest: {},
    revokeRequest: { reason: 'x' },
    resumeRequest: {},
    reissueReview: {},
    openDownload: {},
    editRequest: { explanation: 'x' },
    submitRequest: {},
    withdrawRequest: { reason: 'x' },
  };
  for (const person of Object.values(members))
    for (const params of [requests.rejected, requests.blocked, requests.returned, requests.inReview])
      for (const [name, body] of Object.entries(bodies)) {
        const answer = await answerOf(person, name as RouteName, { params, body: { ...body } });
        expect(`${name}: ${answer}`).not.toMatch(secret);
      }
});
