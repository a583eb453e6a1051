import { GuardDutyClient, ListMalwareScansCommand, StartMalwareScanCommand } from '@aws-sdk/client-guardduty';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { CandidateRun } from './candidate-step.ts';
import type { MalwareScanStart } from './malware.ts';

export const env = z.object({
  /** The beginning of the ARN of an instance. */
  INSTANCES: z.string(),
});
const { INSTANCES } = env.parse(process.env);
const client = new GuardDutyClient({});

/** The scan that an earlier try of this step started: GuardDuty scans a machine once an hour at most. */
async function findScan(arn: string): Promise<string | undefined> {
  const { Scans = [] } = await client.send(
    new ListMalwareScansCommand({
      FilterCriteria: {
        ListMalwareScansFilterCriterion: [
          { ListMalwareScansCriterionKey: 'RESOURCE_ARN', FilterCondition: { EqualsValue: arn } },
        ],
      },
      SortCriteria: { AttributeName: 'scanStartTime', OrderBy: 'DESC' },
    }),
  );
  return Scans[0]?.ScanId;
}

/**
 * Has GuardDuty search the disks of a candidate for malware. If GuardDuty refuses, because it is turned off or cannot scan
 * this machine, the run goes on: that nothing was scanned becomes a finding.
 */
export const handler = stepHandler(CandidateRun, async run => {
  const arn = `${INSTANCES}${run.instanceId}`;
  const malware = async (): Promise<MalwareScanStart> => {
    const startedAt = currentTime();
    try {
      const { ScanId: id } = await client.send(
        new StartMalwareScanCommand({ ResourceArn: arn, ClientToken: `${run.image}-${run.version}-${run.attempt}` }),
      );
      return { ...(id && { id }), startedAt };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error.name === 'ConflictException') {
        const id = await findScan(arn);
        if (id) return { id, startedAt };
      }
      if (!['BadRequestException', 'ConflictException'].includes(error.name)) throw error;
      return { refusal: `GuardDuty refused to scan it: ${error.message}`.slice(0, 300), startedAt };
    }
  };
  return { ...run, malware: await malware() };
});
