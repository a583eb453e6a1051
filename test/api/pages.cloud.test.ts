import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../functions/http/input.ts';
import { connectTestCloud } from '../cloud.ts';
import { sampleRuns } from '../trials.ts';
import { type RawAnswer, signInNewUser } from './caller.ts';

const cloud = connectTestCloud();
type Person = Awaited<ReturnType<typeof signInNewUser>>;
let [pia, paul, olga] = [] as unknown as [Person, Person, Person];
const deliveryIds: string[] = [];

beforeAll(async () => {
  [pia, paul, olga] = await Promise.all([
    signInNewUser(cloud, 'sec-pages-pia', 'partner'),
    signInNewUser(cloud, 'sec-pages-paul', 'partner'),
    signInNewUser(cloud, 'sec-pages-olga', 'operator'),
  ]);
  for (let number = 0; number < 5; number++)
    deliveryIds.unshift((await pia.write('POST', '/deliveries', { dataset: 'sec-pages' })).body.id);
  for (let number = 0; number < 2; number++) await paul.write('POST', '/deliveries', { dataset: 'sec-pauls' });
});

const encode = (text: string) => Buffer.from(text).toString('base64url');
const page = (person: Person, query: string) => person.ask('GET', `/deliveries${query}`);
const ids = ({ body }: RawAnswer): string[] => body.items.map(({ id }: { id: string }) => id);
const isProblem = ({ status, type, body }: RawAnswer, expected: number) => {
  expect([status, type]).toEqual([expected, 'application/problem+json']);
  expect(body).toMatchObject({
    type: expect.stringMatching(/^urn:broch:problem:[a-z]+$/),
    title: expect.any(String),
    status: expected,
    detail: expect.any(String),
    instance: expect.stringMatching(/^urn:broch:request:.+/),
  });
  expect(JSON.stringify(body)).not.toMatch(/arn:|node_modules|\.ts:|dynamodb|Exception/i);
};

describe('a list', () => {
  it('comes in pages, newest first, each once, and says when it ends', async () => {
    const pages: string[][] = [];
    for (let query = '?limit=2'; query !== ''; ) {
      const answer = await page(pia, query);
      expect(answer.status).toBe(200);
      pages.push(ids(answer));
      query = answer.body.next === undefined ? '' : `?limit=2&next=${answer.body.next}`;
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(deliveryIds);
  });

  it.each(['0', '-1', '101', '1.5', 'x', '', '1e9', 'NaN'])('has no limit of %j', async limit => {
    isProblem(await page(pia, `?limit=${limit}`), 400);
  });

  it.each([
    'x',
    '!!!',
    '=',
    encode('x') + '=',
    `${encode('x')} `,
    'x'.repeat(2001),
    encode('x'.repeat(1025)),
    // At most 1,024 bytes, which are fewer characters.
    encode(`dl-${'ü'.repeat(600)}`),
    '%00',
    '%F0%9F%98%80',
  ])('does not go on from %j', async next => {
    const answer = await page(pia, `?next=${next}`);
    isProblem(answer, answer.status === 404 ? 404 : 400);
  });

  it("does not continue another person's list", async () => {
    const { next } = (await page(pia, '?limit=1')).body;
    const ownIds = ids(await page(paul, '?limit=100'));
    expect(ownIds.length).toBe(2);
    expect(ids(await page(paul, `?limit=100&next=${next}`)).filter(id => !ownIds.includes(id))).toEqual([]);
    // A project that does not exist is missing.
    isProblem(await olga.ask('GET', `/projects/sec-none/members?next=${next}`), 404);
  });

  it('shows nothing of other people for any invented page token', async () => {
    const ownIds = ids(await page(paul, ''));
    const tokens = fc.oneof(
      fc.string({ maxLength: 60, unit: 'binary' }),
      fc.constantFrom(
        'PARTNER#',
        '~',
        'DELIVERY#~',
        'MEMBER#',
        '\u{10ffff}',
        'dl-ffffffffffffffff',
        ...ids(await page(pia, '')),
      ),
    );
    await fc.assert(
      fc.asyncProperty(tokens, async text => {
        const answer = await page(paul, `?next=${encode(text)}`);
        expect([200, 400, 404]).toContain(answer.status);
        if (answer.status === 200) expect(ids(answer).filter(id => !ownIds.includes(id))).toEqual([]);
      }),
      { numRuns: sampleRuns(60) },
    );
  });

  it("of a project's members continues from members only", async () => {
    await olga.write('POST', '/projects', { id: 'sec-pages', title: 'Pages' });
    for (const [token, status] of [
      ['MEMBER#', 200],
      ['ITEM', 404],
      ['WORKSPACE#ws-001122334455', 404],
      ['~', 404],
    ] as const)
      expect((await olga.ask('GET', `/projects/sec-pages/members?next=${encode(token)}`)).status, token).toBe(status);
  });
});

describe('a request', () => {
  it('may have 64 KiB and not a byte more', async () => {
    const sized = (bytes: number) => '{"dataset":"sec-size"}'.padEnd(bytes);
    const deliver = async (body: string) => pia.ask('POST', '/deliveries', { key: randomUUID(), body });
    expect((await deliver(sized(MAX_BODY_BYTES))).status).toBe(201);
    const large = await deliver(sized(MAX_BODY_BYTES + 1));
    isProblem(large, 413);
    expect(large.body.detail).toContain(`at most ${MAX_BODY_BYTES} bytes`);
    // Counted in bytes, not in characters.
    isProblem(await deliver(`{"dataset":"${'é'.repeat(MAX_BODY_BYTES / 2)}"}`), 413);
  });

  it.each([
    ['cut short', '{"dataset":'],
    ['not an object', '[]'],
    ['only a string', '"sec"'],
    ['null', 'null'],
    ['deep', '['.repeat(30_000)],
    ['deep and whole', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['of another type', '{"dataset":{"$gt":""}}'],
    ['a prototype', '{"__proto__":{"dataset":"sec-proto"}}'],
    ['not text', '\u0000\u0001\u0002'],
  ])('whose body is %s is a problem', async (_, body) => {
    isProblem(await pia.ask('POST', '/deliveries', { key: `sec-${Math.random()}`, body }), 400);
  });

  it.each([
    ['GET', '/nothing'],
    ['GET', '/'],
    ['GET', '/projects/a/b/c/d'],
  ])('answers %s %s with 404 and the address of the OpenAPI document', async (method, path) => {
    const answer = await olga.ask(method, path);
    isProblem(answer, 404);
    expect(answer.body.detail).toContain('GET /openapi.json');
  });

  it.each([
    ['DELETE', '/projects'],
    ['PATCH', '/me'],
    ['POST', '/openapi.json'],
  ])('answers %s %s with 405', async (method, path) => isProblem(await olga.ask(method, path), 405));

  it.each([
    '/projects/%00',
    '/projects/a%2Fb',
    '/projects/PROJECT%23x',
    '/projects/%E2%80%AEx',
    `/projects/${'x'.repeat(3000)}`,
    '/projects/%27%20OR%201',
    '/deliveries/..%2F..',
  ])('for %s finds nothing, or nothing of that form', async path => {
    const answer = await olga.ask('GET', path);
    isProblem(answer, answer.status === 404 ? 404 : 400);
  });
});
