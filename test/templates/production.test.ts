import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NITRO_ROOT_PEM } from '../../functions/enclaves/nitro-root.ts';
import { cdkCommandLine, quietCdkEnvironment } from '../../local/assembly.ts';
import { findFreePort } from '../../local/free-port.ts';
import { capabilityWords } from '../house/sources.ts';
import { makeOfflineEnvironment } from './production.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'broch-production-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Takes the place of all of the network, and counts who knocks. */
async function network(): Promise<{ port: number; knocks: () => number; server: Server }> {
  let knocks = 0;
  const server = createServer(socket => {
    knocks += 1;
    socket.destroy();
  });
  const port = await findFreePort();
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return { port, knocks: () => knocks, server };
}

const deafNetwork = await network();
const [program = '', ...args] = cdkCommandLine('synth', '--quiet', '-c', 'config=config/production.json', '-o', folder);
await run(program, args, { env: { ...makeOfflineEnvironment(folder, deafNetwork.port), ...quietCdkEnvironment } });
deafNetwork.server.close();

const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const templates = readdirSync(folder).filter(name => /\.template\.json$|^asset\..*\.json$/.test(name));
const bundles = readdirSync(folder)
  .filter(name => /^asset\.[0-9a-f]+$/.test(name))
  // The recipes of images are an asset too, and name addresses of the desktop itself.
  .filter(name => existsSync(join(folder, name, 'index.mjs')))
  .flatMap(name => readdirSync(join(folder, name)).map(file => `${name}/${file}`));

interface Finding {
  readonly Filename: string;
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Location: { readonly Path: readonly (string | number)[] };
}

describe('synthesis', () => {
  it('works without a network, credentials or a home folder', () => expect(deafNetwork.knocks()).toBe(0));
  it('writes the stacks of data, events, the dashboard and the gateway and each capability, and three templates of projects', () => {
    const stacks = ['dashboard', 'data', 'events', 'gateway', ...capabilityWords].map(
      word => `broch-prod-${word}.template.json`,
    );
    expect(templates.filter(name => name.endsWith('.template.json')).sort()).toEqual(stacks.sort());
    expect(templates).toHaveLength(stacks.length + 3);
    expect(bundles.length).toBeGreaterThan(20);
  });
});

describe('cfn-lint', () => {
  /** What it finds and is no mistake of ours, with the reason. */
  const exceptions: { rule: string; message: RegExp; reason: string }[] = [
    {
      rule: 'W3005',
      message: /^'\w+Role\w{8}' dependency already enforced by a 'GetAtt' at 'Resources\/\w+\/Properties\/Role(Arn)?'$/,
      reason:
        'The CDK makes functions and machines wait for their role and its policy together. Waiting for the policy is needed; saying the role again changes nothing.',
    },
    {
      rule: 'E3601',
      message: /^'\{% \$\w+ %\}' is not of type 'number' at 'States\/\w+\/TimeoutSeconds'$/,
      reason:
        'In JSONata, the timeout of a task may be an expression (docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html).',
    },
  ];

  // One process for all templates: to start it takes as long as to check one.
  let findings: readonly Finding[] = [];
  beforeAll(async () => {
    const files = templates.map(name => join(folder, name));
    const { stdout } = await run('.venv/bin/cfn-lint', ['--format', 'json', '--', ...files], {
      maxBuffer: 2 ** 26,
    }).catch(({ stdout, message }) => {
      if (!stdout) throw new Error(message);
      return { stdout };
    });
    findings = JSON.parse(stdout || '[]');
  });

  it.each(templates)('finds no mistake in %s', name => {
    const mistakes = findings.filter(
      ({ Filename, Rule, Message }) =>
        Filename === join(folder, name) &&
        !exceptions.some(({ rule, message }) => rule === Rule.Id && message.test(Message)),
    );
    expect(
      mistakes.map(({ Rule, Message, Location }) => `${Rule.Id} ${Location?.Path?.join('/')}: ${Message}`),
    ).toEqual([]);
  });

  it('reports on these templates only', () => {
    const files = new Set(templates.map(name => join(folder, name)));
    expect(findings.filter(({ Filename }) => !files.has(Filename))).toEqual([]);
  });
});

describe('state machines', () => {
  interface Result {
    readonly errors: readonly unknown[];
  }
  const validate = createRequire(import.meta.url)('asl-validator') as (
    definition: object,
    options: { checkPaths: boolean; checkArn: boolean },
  ) => Result;
  const machines = templates
    .flatMap(name =>
      Object.values(JSON.parse(read(name)).Resources as Record<string, { Type: string; Properties: unknown }>),
    )
    .filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine')
    .map(({ Properties }) => JSON.parse((Properties as { DefinitionString: string }).DefinitionString));

  it('are deployed from every file in state-machines/', () => {
    const comments = readdirSync('state-machines').map(
      file => JSON.parse(readFileSync(join('state-machines', file), 'utf8')).Comment,
    );
    expect(machines.map(({ Comment }) => Comment).sort()).toEqual(comments.sort());
    for (const comment of comments) expect(comment).toEqual(expect.any(String));
  });

  it.each(machines.map(definition => [definition.Comment, definition]))('are valid: %s', (_, definition) => {
    expect(validate(definition, { checkPaths: true, checkArn: true }).errors).toEqual([]);
  });

  it('that are not valid fail this test', () => {
    const dangling = { ...machines[0], StartAt: 'Nowhere' };
    expect(validate(dangling, { checkPaths: true, checkArn: true }).errors).not.toEqual([]);
  });
});

describe('the embedded cloud', () => {
  /** Words of the SDK and of zod, which bundles hold: its default host, DynamoDB's own test server, a UUID of zeros. */
  const foreign = ['||"localhost"', '"http://localhost:8000"', '00000000-0000-0000-0000-000000000000'];
  const leftovers = [
    ['its address', /127\.0\.0\.1|localhost|\[::1\]/i],
    ['its account', /(?<!\d)0{12}(?!\d)/],
    ['its programs', /ministack|\bmoto\b|_aws\/execute-api|uvicorn/i],
    ['its name', /\bembedded\b|broch-local|\blocal\b/i],
    ['its certificate', /BEGIN CERTIFICATE|NODE_EXTRA_CA_CERTS|AWS_CA_BUNDLE/],
  ] as const;
  // AWS's root of enclaves is in the code on purpose.
  const removeForeign = (text: string) =>
    [...foreign, NITRO_ROOT_PEM.trim()].reduce<string>((rest, words) => rest.replaceAll(words, ''), text);
  const excerpt = (text: string, pattern: RegExp) => {
    const match = pattern.exec(text);
    return match && text.slice(Math.max(0, match.index - 60), match.index + 60);
  };

  it.each(leftovers)('leaves %s in no template', (_, pattern) => {
    const excerpts = [...templates, 'manifest.json'].map(name => excerpt(read(name), pattern)).filter(Boolean);
    expect(excerpts).toEqual([]);
  });

  // In code, `local` may be any variable of a library.
  it.each(leftovers.filter(([leftover]) => leftover !== 'its name'))('leaves %s in no function', (_, pattern) => {
    const excerpts = bundles.map(name => excerpt(removeForeign(read(name)), pattern)).filter(Boolean);
    expect(excerpts).toEqual([]);
  });

  it('leaves no address of a service in any function’s environment', () => {
    const environments = templates
      .flatMap(name =>
        Object.values(
          JSON.parse(read(name)).Resources as Record<string, { Properties?: { Environment?: { Variables?: object } } }>,
        ),
      )
      .flatMap(({ Properties }) => Object.keys(Properties?.Environment?.Variables ?? {}));
    expect(environments.filter(name => /^AWS_|ENDPOINT|PROXY/.test(name))).toEqual([]);
    expect(environments.length).toBeGreaterThan(20);
  });
});
