import type { DatasetTerms, DatasetUse } from '../../functions/datasets/schemas.ts';
import { hangingText, indentedTexts } from './layout.ts';
import {
  escapeForTerminal,
  formatBytes,
  formatCount,
  formatStatusWords,
  formatTime,
  type OutputScreen,
} from './output.ts';

/** The recipe of a use, and the minimised version that the project reads instead of the delivered one. */
function recipeLines({ recipe, recipeDigest, ...use }: DatasetUse): string[] {
  if (!recipe || recipeDigest === undefined) return [];
  const tables = recipe.tables.map(({ path, columns, sample }) => {
    const texts = columns.map(({ name, as: label, do: action, ...rules }) => {
      const details = Object.entries(rules).map(([rule, value]) => `${rule} ${value}`);
      return `${name}${label === undefined ? '' : ` as ${label}`} (${[action, ...details].join(', ')})`;
    });
    return `${path}: ${texts.join(', ')}${sample ? `; a sample of ${sample.share} by ${sample.by}` : ''}`;
  });
  const version = 'minimised' in use ? use.minimised : undefined;
  return [
    `Recipe ${recipeDigest}`,
    ...tables,
    ...(version
      ? [
          `Minimised version ${version.version.slice(0, 12)}, ${formatTime(version.at)}: ${formatCount(version.files)} files, ${formatBytes(version.bytes)}, ${formatCount(version.rowsWritten)} of ${formatCount(version.rowsRead)} rows, ${formatCount(version.cellsEmptied)} cells emptied, ${formatCount(version.filesLeftOut)} files left out.`,
        ]
      : []),
  ];
}

/** Who decided or ended a use, when and why, in sentences. */
function decisionLines(use: DatasetUse): string[] {
  const lines: string[] = [];
  if ('approvedByName' in use && use.approvedByName && use.approvedAt)
    lines.push(`Approved by ${use.approvedByName}, ${formatTime(use.approvedAt)}.`);
  if ('newerVersion' in use && use.newerVersion)
    lines.push(
      `There is a newer version, ${use.newerVersion.slice(0, 12)}. To read it, ask for it: broch dataset request ${use.project} --dataset ${use.dataset} --version ${use.newerVersion.slice(0, 12)}`,
    );
  if ('conditions' in use && use.conditions) lines.push(`Conditions: ${use.conditions}`);
  if (use.status === 'refused')
    lines.push(`Refused by ${use.refusedByName}, ${formatTime(use.refusedAt)}: ${use.reason}`);
  if (use.status === 'ended') {
    const person = use.endedByName === undefined ? '' : ` by ${use.endedByName}`;
    lines.push(`Ended${person}, ${formatTime(use.endedAt)}: ${use.reason}`);
  }
  return lines;
}

/** The datasets that projects can ask for, each with its rules. A withdrawn one says so. */
export function formatCatalogue(catalogue: readonly DatasetTerms[], { width }: OutputScreen): string {
  if (catalogue.length === 0) return 'No dataset has rules yet. A data steward sets them: broch dataset govern';
  return catalogue
    .map(
      ({ dataset, title, description, controller, ownerName, licence, purposes, tier, days, suspended, withdrawn }) => {
        const lines = [
          ...(withdrawn
            ? [`Withdrawn by ${withdrawn.byName}, ${formatTime(withdrawn.at)}: ${withdrawn.reason}`]
            : [
                `Tier ${tier}. For ${purposes.join(', ')}; at most ${days} days. ${ownerName} decides, for ${controller}.`,
              ]),
          ...(suspended && !withdrawn ? [`Suspended, ${formatTime(suspended.at)}: ${suspended.reason}`] : []),
          ...(description === '' ? [] : [description]),
          `Licence: ${licence}`,
        ].map(escapeForTerminal);
        return [hangingText(`${dataset}  ${escapeForTerminal(title)}`, width), indentedTexts(lines, width)].join('\n');
      },
    )
    .join('\n');
}

/** The uses of datasets, each with what a person must know to decide about it. */
export function formatUses(uses: readonly DatasetUse[], { width }: OutputScreen): string {
  if (uses.length === 0) return 'There are no uses yet. Ask for a dataset: broch dataset request';
  return uses
    .map(use => {
      const { id, project, dataset, version, status, purpose, endsAt, explanation, requestedByName, requestedAt } = use;
      const head = `${id}  ${dataset} ${version.slice(0, 12)} in ${project}: ${formatStatusWords(status)}, for ${purpose} until ${formatTime(endsAt)}`;
      const lines = [
        `Requested by ${requestedByName}, ${formatTime(requestedAt)}: ${explanation}`,
        ...recipeLines(use),
        ...decisionLines(use),
      ].map(escapeForTerminal);
      return [hangingText(head, width), indentedTexts(lines, width)].join('\n');
    })
    .join('\n');
}
