import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { AirlockConfig } from '../functions/airlock/request/airlock-config.ts';
import { machineNames } from '../functions/batch/estimate.ts';
import { DEFAULT_NODES, TierNodes } from '../functions/batch/machines.ts';
import { PackageTier } from '../functions/images/packages/schemas.ts';
import { GpuProtocol } from '../functions/workspaces/kinds.ts';
import { TimeZoneName } from '../functions/workspaces/schemas.ts';
import { ImagesConfig, refuseSleeplessWindows } from './images-config.ts';
import { FamiliesOfTiers, InstanceType, WorkspacesConfig } from './workspaces-config.ts';

/** A job without a price could not be held to a budget, so queues have only machines of the price list. */
function refuseUnpricedFamilies(families: Record<string, string[] | undefined>, context: z.RefinementCtx): void {
  const pricedFamilies = new Set(
    [...machineNames('cpu'), ...machineNames('gpu')].map(name => name.split('.')[0] ?? ''),
  );
  for (const [tier, names = []] of Object.entries(families))
    for (const name of names.filter(family => !pricedFamilies.has(family)))
      context.addIssue({
        code: 'custom',
        path: [tier],
        message: `no machine of the family ${name} has a price in functions/batch/prices.json. Name one of ${[...pricedFamilies].sort().join(', ')}, or add its machines there`,
      });
}

/** Which sessions the gateway records, how long recordings are retained, and which roles may read them. */
const RecordingConfig = z.strictObject({
  tiers: z
    .array(z.number().int().min(1).max(3))
    .min(1)
    .describe('The tiers of projects whose sessions are recorded: the picture and the mouse, never the keys'),
  days: z
    .number()
    .int()
    .min(1)
    .max(3650)
    .describe(
      'Days for which nobody, the administrator included, can change or delete a recording. Then it is deleted',
    ),
  readers: z
    .array(z.string().regex(/^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'the ARN of a role'))
    .min(1)
    .describe('The roles that can read recordings. Nobody else can, and no function of Broch'),
});
export type RecordingConfig = z.infer<typeof RecordingConfig>;

/** The gateway into desktops. Without these settings Broch deploys none, and `workspaces.gateway` leads to your own. */
export const GatewayConfig = z.strictObject({
  domain: z
    .string()
    .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, 'a name such as tre.example.org')
    .describe(
      'The name at which people reach the API and their desktops. Without `gateway` Broch deploys no way into desktops, and its other keys are left out too',
    ),
  certificate: z
    .string()
    .regex(/^arn:aws:acm:us-east-1:\d{12}:certificate\/[0-9a-f-]+$/, 'the ARN of a certificate in us-east-1')
    .describe('The certificate of that name in AWS Certificate Manager. CloudFront takes it from us-east-1 only'),
  cloudFrontPrefixList: z
    .string()
    .regex(/^pl-[0-9a-f]+$/, 'a prefix list such as pl-93a247fa')
    .describe(
      'The prefix list of CloudFront in the region: `aws ec2 describe-managed-prefix-lists --filters Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing`',
    ),
  cidr: z
    .cidrv4()
    .default('10.255.254.0/26')
    .describe("The gateway's own IPv4 block. It must overlap neither projects nor your networks"),
  gpuProtocol: GpuProtocol.default('rdp').describe(
    'How desktops of the kind `gpu` are shown: `rdp`, by Guacamole as all others, or `dcv`, by Amazon DCV, which needs images with DCV. Sessions that are recorded are always shown by `rdp`',
  ),
  size: InstanceType.default('t3.medium').describe("The instance type of the gateway's machine"),
  recording: RecordingConfig.optional(),
});
export type GatewayConfig = z.infer<typeof GatewayConfig>;

const Settings = z.strictObject({
  environment: z
    .string()
    .regex(/^[a-z][a-z0-9]{1,11}$/, 'two to twelve lower-case letters and digits')
    .describe(
      'The name of the deployment: two to twelve lower-case letters and digits. It is part of every resource name, so that one account can hold several deployments',
    ),
  account: z
    .string()
    .regex(/^\d{12}$/, 'twelve digits')
    .optional()
    .meta({ description: 'The id of the AWS account, twelve digits', omitted: "the credentials' account" }),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-west-2')
    .describe('The AWS region, such as eu-west-2'),
  retainDays: z.number().int().min(1).max(36_500).describe('Days for which logs are kept'),
  alarms: z
    .strictObject({
      email: z.email().optional().meta({
        description: 'The address that alarms are mailed to. AWS asks it to confirm once',
        omitted: 'no mail',
      }),
    })
    .prefault({}),
  api: z
    .strictObject({
      concurrency: z.number().int().min(1).max(100).optional().meta({
        description:
          'The Lambda concurrency that each function of the API keeps for itself. AWS accepts it only while 100 of the account’s concurrency remain for all other functions',
        omitted: 'none: the API shares the account’s concurrency with the workflows',
      }),
    })
    .prefault({}),
  projects: z.strictObject({
    pool: z
      .cidrv4({ error: ({ code }) => (code === 'invalid_format' ? 'an IPv4 block such as 10.64.0.0/12' : undefined) })
      .describe('The IPv4 block that project networks are taken from. It must not overlap your own networks'),
    prefix: z.number().int().min(20).max(26).default(22).describe("The size of one project's network, 20 to 26"),
    quarantineDays: z
      .number()
      .int()
      .min(0)
      .max(3650)
      .default(7)
      .describe('Days before the addresses of a removed project are used again'),
  }),
  enclaves: z
    .strictObject({
      roots: z
        .array(z.string().regex(/^-----BEGIN CERTIFICATE-----/, 'a certificate in PEM'))
        .max(4)
        .default([])
        .meta({
          description:
            'The roots that attestations of enclaves must lead to, in PEM. Partitions other than `aws` have roots of their own',
          omitted: "the root of AWS's commercial partition",
        }),
    })
    .prefault({}),
  ingest: z
    .strictObject({
      lockDays: z
        .number()
        .int()
        .min(1)
        .max(36_500)
        .default(30)
        .describe('Days for which a dataset version cannot be deleted (S3 Object Lock, governance mode)'),
      landingDays: z
        .number()
        .int()
        .min(7)
        .max(36_500)
        .default(90)
        .describe('Days for which delivered files stay in the landing bucket'),
      scanMinutes: z
        .number()
        .int()
        .min(1)
        .max(240)
        .default(60)
        .describe(
          'Minutes after a check began. A delivery with files that are not scanned for malware by then is held',
        ),
      streamGiB: z
        .number()
        .gt(0)
        .max(32)
        .default(32)
        .describe(
          'Size in GiB above which S3 Batch Operations computes the SHA-256 of a delivered file, and no function reads it. A function reads 32 GiB in its 15 minutes at 50 MB a second',
        ),
      uploadOrigins: z
        .array(z.url({ protocol: /^https$/, error: 'an origin such as https://portal.example.org' }))
        .max(20)
        .default([])
        .meta({
          description:
            'Web pages whose scripts may upload parts of files to signed addresses (CORS of the landing bucket)',
          omitted: 'none',
        }),
      sftp: z
        .boolean()
        .default(false)
        .describe(
          'Whether data partners may also deliver by SFTP. The endpoint of AWS Transfer Family costs about $219 a month ($0.30 an hour, November 2026), even if nobody delivers, and $0.04 for each GB that arrives',
        ),
    })
    .prefault({}),
  gateway: GatewayConfig.optional(),
  workspaces: WorkspacesConfig,
  images: ImagesConfig,
  packages: z
    .strictObject({
      openTiers: z.array(PackageTier).default([1]).meta({
        description: 'The tiers whose desktops may install every package of the public registries, without a list',
        omitted: 'tier 1',
      }),
      perProject: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(500)
        .describe('The most packages of a project that may wait for a decision or be approved at the same time'),
    })
    .prefault({}),
  batch: z
    .strictObject({
      maxVcpus: z
        .number()
        .int()
        .min(4)
        .max(10_000)
        .default(256)
        .describe('The most vCPUs that a queue of batch jobs may have at once, on Spot and On-Demand each'),
      families: FamiliesOfTiers.superRefine(refuseUnpricedFamilies).meta({
        description:
          'For a tier (1 to 3, see `airlock.tier`) the instance families that its batch jobs may run on, such as `g6`. Only families with prices in `functions/batch/prices.json`. A queue keeps those that it was opened with; one that has none of them is not opened',
        omitted: 'every tier may use all machine types in `functions/batch/prices.json`',
      }),
      nodes: TierNodes.default({}).meta({
        description:
          'For a tier (1 to 3, see `airlock.tier`) the most machines that may run one batch job together; 1 allows no multi-node job',
        omitted: `${DEFAULT_NODES} in every tier`,
      }),
    })
    .prefault({}),
  airlock: AirlockConfig.prefault({}),
  costs: z.strictObject({
    tag: z
      .string()
      .default('broch:project')
      .describe('The cost allocation tag that names the project. Activate it in Billing'),
    hour: z.number().int().min(0).max(23).default(7).describe('The hour at which the daily cost card is sent, 0 to 23'),
    timezone: TimeZoneName.default('Europe/London').describe('The time zone of `costs.hour`'),
    webhookHosts: z
      .array(z.string())
      .min(1, 'at least one host')
      .default(['*.environment.api.powerplatform.com', '*.logic.azure.com', '*.api.powerautomate.com'])
      .meta({ description: 'The hosts that the cost card may be posted to', omitted: "Microsoft's hosts" }),
  }),
});
/** All settings of an organisation, in one file that is read at synthesis. */
export const Config = Settings.superRefine(refuseSleeplessWindows);
export type Config = z.infer<typeof Config>;

/** The configuration with every option turned on, for pages and tests that cover the whole app. */
export const withEveryOption = (config: Config): Config => ({
  ...config,
  ingest: { ...config.ingest, sftp: true },
  gateway: config.gateway && { ...config.gateway, gpuProtocol: 'dcv' },
});

/** Reads and checks a configuration file. Errors name the key and the expected value. */
export function readConfig(file: string): Config {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} can't be read as a configuration: ${(error as Error).message}`);
  }
  const result = Config.safeParse(json, { error: ({ input }) => (input === undefined ? 'is missing' : undefined) });
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => `  ${path.join('.') || '(top)'}: ${message}`);
  throw new Error(`${file} is not a valid configuration:\n${lines.join('\n')}`);
}
