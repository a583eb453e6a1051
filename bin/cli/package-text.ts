import { isMirrored } from '../../functions/images/packages/mirror.ts';
import type { ListedPackage } from '../../functions/images/packages/schemas.ts';
import { hangingText, indentedTexts } from './layout.ts';
import { escapeForTerminal, formatTime, type OutputScreen } from './output.ts';

function decisionLine(entry: ListedPackage): string[] {
  if (entry.status === 'approved') return [`Approved by ${entry.approvedBy.name}, ${formatTime(entry.approvedAt)}.`];
  if (entry.status === 'refused')
    return [`Refused by ${entry.refusedBy.name}, ${formatTime(entry.refusedAt)}: ${entry.reason}`];
  if (entry.status === 'revoked')
    return [
      `Approved by ${entry.approvedBy.name}, ${formatTime(entry.approvedAt)}.`,
      `Taken back by ${entry.revokedBy.name}, ${formatTime(entry.revokedAt)}: ${entry.reason}`,
      isMirrored(entry.format)
        ? 'Desktops that have installed it keep it until somebody removes it there.'
        : 'The mirror does not fetch it. Delete what you published, and deliver a snapshot without it: docs/packages.md',
    ];
  return ['It waits for an operator or a data steward: broch packages approve'];
}

/** The packages of the lists, each with who asked for it and what was decided. */
export function formatPackages(packages: readonly ListedPackage[], { width }: OutputScreen): string {
  if (packages.length === 0) return 'Nobody has asked for a package yet. Ask for one: broch packages request';
  return packages
    .map(entry => {
      const { tier, format, name, status, project, requestedBy, requestedAt, explanation } = entry;
      const lines = [
        `Requested by ${requestedBy.name} for ${project}, ${formatTime(requestedAt)}: ${explanation}`,
        ...decisionLine(entry),
      ].map(escapeForTerminal);
      const head = `${escapeForTerminal(name)}  ${format}, tier ${tier}: ${status}`;
      return [hangingText(head, width), indentedTexts(lines, width)].join('\n');
    })
    .join('\n');
}
