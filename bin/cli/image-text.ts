import type * as z from 'zod';
import type { ImageSummary, ImageVersionView, ImageView } from '../../functions/images/schemas.ts';
import { formatFields, hangingText, indentedTexts, narrowWidth, section } from './layout.ts';
import { escapeForTerminal, formatCount, formatStatusWords, formatTime, type OutputScreen } from './output.ts';

type ImageVersionAnswer = z.output<typeof ImageVersionView>;
type ImageAnswer = z.output<typeof ImageView>;

const reaches = { canary: 'as canary', everyone: 'to everyone', former: 'former version' };

function describeStatus(version: ImageVersionAnswer): string {
  if (version.status !== 'published') return formatStatusWords(version.status);
  const place = version.project ? ` to ${version.project}` : '';
  return `published${place} ${reaches[version.reach]}, ${formatTime(version.publishedAt)}`;
}

/** Who did something and when, such as `28 November 2026 12:00 by stella`. */
const describeAct = (time: string, name: string | undefined): string =>
  `${formatTime(time)}${name === undefined ? '' : ` by ${escapeForTerminal(name)}`}`;

const describeAge = (start: string, days: number | undefined): string =>
  days === undefined ? formatTime(start) : `${formatTime(start)}, ${formatCount(days)} days ago`;

function listFields(version: ImageVersionAnswer): [string, string][] {
  const { startedAt, startedBy, recipe, attempt, attemptedAt } = version;
  const build = 'build' in version ? version.build : undefined;
  return [
    ['status', describeStatus(version)],
    ['started', describeAct(startedAt, startedBy.name)],
    ['recipe', recipe],
    ['run', `${attempt}, ${formatTime(attemptedAt)}`],
    ...(build
      ? ([
          ['image', build.ami],
          ['base image', escapeForTerminal(build.base)],
          ['bill of materials', build.bill],
          ['built', describeAge(build.builtAt, version.ageDays)],
          ...Object.entries(build.measurements ?? {}).map(([name, value]) => [name.toUpperCase(), value]),
        ] as [string, string][])
      : []),
    ...('scan' in version
      ? ([
          ['scanned', formatTime(version.scan.scannedAt)],
          [
            'findings',
            Object.entries(version.scan.counts)
              .map(([severity, count]) => `${formatCount(count)} ${severity}`)
              .join(', '),
          ],
          ['digest of findings', version.scan.digest],
          ['digest to approve', version.digest],
        ] as [string, string][])
      : []),
    ...('approval' in version
      ? ([
          ['approved', `${describeAct(version.approval.at, version.approval.by.name)}: ${version.approval.digest}`],
        ] as [string, string][])
      : []),
    ...('rejectedAt' in version
      ? ([['rejected', describeAct(version.rejectedAt, version.rejectedBy?.name)]] as [string, string][])
      : []),
    ...('failedAt' in version ? ([['failed', formatTime(version.failedAt)]] as [string, string][]) : []),
    ...('deprecatedAt' in version ? ([['deprecated', formatTime(version.deprecatedAt)]] as [string, string][]) : []),
    ...('retiredAt' in version ? ([['retired', formatTime(version.retiredAt)]] as [string, string][]) : []),
    ...('reason' in version ? ([['reason', escapeForTerminal(version.reason)]] as [string, string][]) : []),
  ];
}

/** A version of an image, and what is known against it. */
export function formatImageVersion(version: ImageVersionAnswer, { width }: OutputScreen): string {
  const findings = 'scan' in version ? version.scan.findings : [];
  const lines = findings.map(({ severity, id, package: name, since: start }) =>
    hangingText(`${severity} ${id} in ${escapeForTerminal(name)}, known since ${formatTime(start)}`, width),
  );
  return [
    `version ${version.version}`,
    indentedTexts([formatFields(listFields(version), narrowWidth(width, 2))], undefined),
    ...lines,
  ].join('\n');
}

/** An image with its versions, newest first, and its pins. */
export function formatImage({ image, versions, pins }: ImageAnswer, screen: OutputScreen): string {
  if (versions.length === 0) return `${image} was never built. Build it: broch image build ${image}`;
  const blocks = versions.toReversed().map(version => formatImageVersion(version, screen));
  const lines = pins.map(({ project, version, until: end, at: time, reason }) =>
    hangingText(
      `${project} keeps version ${version} until ${formatTime(end)}, since ${formatTime(time)}: ${escapeForTerminal(reason)}`,
      narrowWidth(screen.width, 2),
    ),
  );
  return [image, ...blocks, ...(lines.length > 0 ? [section('pins', lines.join('\n'))] : [])].join('\n\n');
}

/** The images in a list: what desktops start from, how old it is, and what comes next. */
export const formatImageList = (images: readonly ImageSummary[], { width }: OutputScreen): string =>
  images
    .map(({ image, current, canary, pending, check }) => {
      const describe = ({ version, ageDays, ami, publishedAt }: NonNullable<typeof current>) =>
        `version ${version}, ${formatCount(ageDays)} days old, ${ami}, published ${formatTime(publishedAt)}`;
      return hangingText(
        [
          `${image}: ${current ? describe(current) : 'nothing is published'}`,
          ...(canary ? [`for ${canary.project} ${describe(canary)}`] : []),
          ...(pending.length > 0 ? [`not published to everyone: ${pending.join(', ')}`] : []),
          ...(check?.causes ?? []).map(cause => cause.replace(/\.$/, '').toLowerCase()),
        ].join('; '),
        width,
      );
    })
    .join('\n');
