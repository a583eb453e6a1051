import * as z from 'zod';
import { defineCommand } from './commands.ts';
import type { DoctorFinding } from './doctor-findings.ts';
import { hangingText, indentedTexts } from './layout.ts';
import { escapeForTerminal } from './output.ts';

const labels = { ok: 'ok', action: 'TO DO', unknown: 'unknown' } as const;

function formatDoctorFinding({ check, status, message, remedy }: DoctorFinding, width: number | undefined): string {
  const line = hangingText(`${labels[status].padEnd(8)}${check}: ${escapeForTerminal(message)}`, width, 8);
  return remedy === undefined ? line : `${line}\n${indentedTexts([remedy], width, 8)}`;
}

export const doctorCommand = defineCommand({
  words: ['doctor'],
  summary: 'For operators: check quotas, costs, alarms, the malware scan and images in the AWS account',
  notes: [
    'It uses your own AWS credentials (environment, profile or SSO, as the AWS command line does) and changes nothing.',
    'The exit code is 3 if something remains to be done.',
  ],
  examples: ['doctor prod --region eu-west-2'],
  params: z.object({
    environment: z
      .string()
      .regex(/^[a-z][a-z0-9]{1,11}$/, 'the environment of the configuration, such as prod')
      .describe('the environment of the configuration'),
  }),
  flags: z.object({
    region: z.string().optional().describe("the region of the deployment (default: your credentials' region)"),
    costTag: z.string().default('broch:project').describe('the key `costs.tag` of the configuration'),
  }),
  async run({ params: { environment }, flags: { region, costTag } }, context) {
    // Loaded here: no other command calls these services.
    const { examineDeployment } = await import('./doctor-aws.ts');
    const findings = await examineDeployment({ environment, region, costTag });
    context.result({ findings }, findings.map(finding => formatDoctorFinding(finding, context.width)).join('\n'));
    return findings.every(({ status }) => status === 'ok') ? 'ok' : 'refused';
  },
});
