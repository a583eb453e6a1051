import type { SettingsChange, ShownSettings } from '../../functions/airlock/request/settings.ts';
import { flattenSettings, type SettingDifference } from '../../functions/airlock/request/settings-difference.ts';
import { formatFields, hangingText, narrowWidth, section } from './layout.ts';
import { escapeForTerminal, formatBytes, formatTime, type OutputScreen } from './output.ts';

/** A value of a setting. A rule is view by its action and its limits. */
function formatSetting(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return /bytes$/i.test(name) ? formatBytes(value) : String(value);
  if (Array.isArray(value)) return value.map(item => formatSetting('', item)).join(', ');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([part, inner]) => `${part} ${formatSetting(part, inner)}`)
      .join(' ');
  return escapeForTerminal(String(value));
}

/** Differences hold their values as JSON. */
const formatJson = (name: string, json: string) => {
  const value: unknown = JSON.parse(json);
  return value === null ? 'not set' : formatSetting(name, value);
};

const formatDifference = (
  { setting, before: previous, after: next, weaker }: SettingDifference,
  { width }: OutputScreen,
): string =>
  hangingText(
    `${setting}: ${formatJson(setting, previous)} → ${formatJson(setting, next)}${weaker ? ' (lets more data leave)' : ''}`,
    width,
  );

const formatDifferences = (differences: readonly SettingDifference[], screen: OutputScreen): string =>
  differences.map(difference => formatDifference(difference, screen)).join('\n');

/** The names of the settings that a project has made itself. */
function ownNames(settings: object, prefix = ''): string[] {
  return Object.entries(settings).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? ownNames(value, `${prefix}${name}.`)
      : [prefix + name],
  );
}

/** The checks of a policy: its limits, then each rule with its action and thresholds. */
function policyFields({ policy, settings }: Pick<ShownSettings, 'policy' | 'settings'>): [string, string][] {
  const { version: _version, tier: _tier, rules, ...limits } = policy;
  const mark = (name: string, values: object | undefined) => `${name}${values && name in values ? ' *' : ''}`;
  return [
    ...Object.entries(limits).map(([name, value]): [string, string] => [
      mark(name, settings.checks),
      formatSetting(name, value),
    ]),
    ...Object.entries(rules).map(([name, { action, ...thresholds }]): [string, string] => [
      mark(name, settings.checks?.rules),
      [action, ...Object.entries(thresholds).map(([part, value]) => `${part} ${formatSetting(part, value)}`)].join(
        ', ',
      ),
    ]),
  ];
}

function formatAuthor({ by: author, reason, at: time }: ShownSettings, { width }: OutputScreen): string {
  if (author === undefined) return "The project has no settings of its own: the organisation's apply.";
  const date = time === undefined ? '' : `, ${formatTime(time)}`;
  return hangingText(`Set by ${escapeForTerminal(author)}${date}: ${escapeForTerminal(reason ?? '')}`, width);
}

/** What applies to a project, what the last change changed, and which values are the project's own. */
export function formatShownSettings(view: ShownSettings, screen: OutputScreen): string {
  const { settings, differences, rules, policy } = view;
  const inner = { width: narrowWidth(screen.width, 2) };
  const ownSettings = new Set(ownNames(settings));
  const limits = [...flattenSettings({ rules, policy })]
    .filter(([name]) => !name.startsWith('checks.'))
    .map(([name, value]): [string, string] => [
      `${name}${ownSettings.has(name) ? ' *' : ''}`,
      formatSetting(name, value),
    ]);
  return [
    formatAuthor(view, screen),
    ...(differences.length > 0 ? [section('last change', formatDifferences(differences, inner))] : []),
    section(ownSettings.size > 0 ? "settings (* the project's own)" : 'settings', formatFields(limits, inner.width)),
    section(`checks of exports (policy ${policy.version})`, formatFields(policyFields(view), inner.width)),
  ].join('\n\n');
}

/** What an operator reads after a change: only that. */
export const formatSettingsChange = (view: ShownSettings, screen: OutputScreen): string =>
  [
    formatAuthor(view, screen),
    section('changed', formatDifferences(view.differences, { width: narrowWidth(screen.width, 2) })),
  ].join('\n');

/** All changes of a project's settings, newest first. */
export const formatSettingsHistory = (changes: readonly SettingsChange[], screen: OutputScreen): string =>
  changes.length === 0
    ? "The project never had settings of its own: the organisation's apply."
    : changes
        .map(({ at: time, byName, reason, differences }) =>
          [
            hangingText(
              `${formatTime(time)} by ${escapeForTerminal(byName)}: ${escapeForTerminal(reason)}`,
              screen.width,
            ),
            formatDifferences(differences, { width: narrowWidth(screen.width, 2) }).replace(/^(?=.)/gm, '  '),
          ]
            .join('\n')
            .trimEnd(),
        )
        .join('\n');
