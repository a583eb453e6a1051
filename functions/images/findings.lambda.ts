import { GetMalwareScanCommand, GuardDutyClient } from '@aws-sdk/client-guardduty';
import { type Finding, Inspector2Client, ListCoverageCommand, ListFindingsCommand } from '@aws-sdk/client-inspector2';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { ScanRun, Unfinished } from './candidate-step.ts';
import { decideImage } from './images.ts';
import { judgeMalwareScan, type MalwareScanStart } from './malware.ts';
import { readImageRules } from './rules.ts';
import { FindingSeverity, type ImageFinding } from './schemas.ts';
import { changeImage } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const rules = readImageRules(RULES);
const client = new Inspector2Client({});
const guardDuty = new GuardDutyClient({});

/** Inspector's severities that count as low here: it has not judged UNTRIAGED, which is no reason to pass it. */
const severities: Readonly<Record<string, FindingSeverity>> = { INFORMATIONAL: 'low', UNTRIAGED: 'high' };

function toImageFinding({ severity, packageVulnerabilityDetails: details, ...finding }: Finding): ImageFinding {
  const packages = (details?.vulnerablePackages ?? []).map(({ name, version }) => `${name} ${version ?? ''}`.trim());
  const start = details?.vendorCreatedAt ?? finding.firstObservedAt ?? new Date(0);
  return {
    id: (details?.vulnerabilityId ?? finding.findingArn ?? 'unknown').slice(0, 100),
    severity: severities[severity ?? ''] ?? FindingSeverity.parse(severity?.toLowerCase()),
    package: (packages.join(', ') || (finding.title ?? 'unknown')).slice(0, 300),
    since: start.toISOString(),
  };
}

async function listFindings(instanceId: string): Promise<ImageFinding[]> {
  const findings: ImageFinding[] = [];
  let nextToken: string | undefined;
  do {
    const page = await client.send(
      new ListFindingsCommand({
        filterCriteria: {
          resourceId: [{ comparison: 'EQUALS', value: instanceId }],
          findingStatus: [{ comparison: 'EQUALS', value: 'ACTIVE' }],
        },
        maxResults: 100,
        nextToken,
      }),
    );
    findings.push(...(page.findings ?? []).map(toImageFinding));
    nextToken = page.nextToken;
  } while (nextToken);
  return findings;
}

/** What GuardDuty found on the machine's disks, or undefined while it scans them. */
async function readMalware(start: MalwareScanStart, now: string): Promise<ImageFinding[] | undefined> {
  const answer =
    start.id === undefined ? undefined : await guardDuty.send(new GetMalwareScanCommand({ ScanId: start.id }));
  return judgeMalwareScan(answer, start, now);
}

/**
 * Records what Inspector and GuardDuty know against the machine, once both have scanned it. No scan is not the same as no
 * finding.
 */
export const handler = stepHandler(ScanRun, async ({ instanceId, image, version, attempt, malware }): Promise<void> => {
  const { coveredResources = [] } = await client.send(
    new ListCoverageCommand({ filterCriteria: { resourceId: [{ comparison: 'EQUALS', value: instanceId }] } }),
  );
  const coverage = coveredResources.find(({ resourceId }) => resourceId === instanceId);
  if (coverage?.scanStatus?.statusCode !== 'ACTIVE' || !coverage.lastScannedAt)
    throw new Unfinished(
      `Inspector has not scanned ${instanceId} (${coverage?.scanStatus?.reason ?? 'unknown to it'}).`,
    );
  const now = currentTime();
  const threats = await readMalware(malware, now);
  if (!threats) throw new Unfinished(`GuardDuty is still scanning ${instanceId}.`);
  const findings = [...threats, ...(await listFindings(instanceId))];
  const command = { do: 'recordFindings', version, attempt, findings } as const;
  await changeImage(TABLE_NAME, image, read => decideImage(read, command, rules, now), now);
});
