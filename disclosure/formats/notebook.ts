import { readWhole, UnreadableError } from '../bytes.ts';
import { ALL_TIERS, type Format, type FormatInput, type FormatRewrite } from '../format.ts';
import { readHtmlTables } from '../markup.ts';
import { redrawPicture } from '../preview/image.ts';
import { splitTextLines, TextCheck } from '../text.ts';
import { hasUnusualSpace, MAX_JSON_BYTES, parseJson } from './json.ts';

export const notebookFormat: Format = {
  type: 'application/x-ipynb+json',
  tiers: ALL_TIERS,
  extensions: ['ipynb'],
  kinds: ['code'],
};

type Value = Record<string, unknown>;
export const asRecord = (value: unknown): Value =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Value) : {};
const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
export const joinLines = (value: unknown): string =>
  value === undefined ? '' : Array.isArray(value) ? value.map(asText).join('') : asText(value);

/** Values of a few words that need no showing, by their keys. */
const plainValues: ReadonlyMap<string, RegExp> = new Map([
  ['nbformat', /^4$/],
  ['nbformat_minor', /^[0-5]$/],
  ['cell_type', /^(code|markdown|raw)$/],
  ['execution_count', /^(null|\d{1,6})$/],
  ['output_type', /^(stream|display_data|execute_result|error)$/],
  ['name', /^(stdout|stderr)$/],
]);

/** What a value holds besides the keys that are `shown`, as lines: nothing of a notebook is passed over. */
export function describeRest(value: unknown, ...shownKeys: readonly string[]): string {
  if (value !== undefined && asRecord(value) !== value) return JSON.stringify(value, null, 1);
  const rest = Object.entries(asRecord(value)).filter(
    ([key, inner]) =>
      !shownKeys.includes(key) &&
      !(key === 'metadata' && JSON.stringify(inner) === '{}') &&
      !plainValues.get(key)?.test(String(inner)),
  );
  return rest.length === 0 ? '' : JSON.stringify(Object.fromEntries(rest), null, 1);
}
export const SHOWN_KEYS = {
  notebook: ['cells'],
  cell: ['source', 'outputs', 'attachments'],
  output: ['text', 'traceback', 'data'],
} as const;

/** Whether what a cell puts out is text or a list of lines. */
export const showsAsText = (type: string, content: unknown): boolean =>
  typeof content === 'string' || (Array.isArray(content) && !/json$/.test(type));

/** A notebook is code, text and what they put out: each is checked as what it is. */
export async function checkNotebook({ source, findings, newTable }: FormatInput): Promise<void> {
  const bytes = await readWhole(source.stream(), MAX_JSON_BYTES);
  const notebook = asRecord(parseJson(bytes));
  if (!Array.isArray(notebook.cells) || (notebook.nbformat ?? 4) !== 4)
    throw new UnreadableError('it is no notebook of version 4');
  const text = new TextCheck(findings);
  const lines = (value: unknown) => splitTextLines(joinLines(value)).map(line => text.line(line));
  const rest = (value: unknown, shownKeys: readonly string[]) => {
    const description = describeRest(value, ...shownKeys);
    if (description !== '') lines(description);
  };
  let [outputs, pictures] = [0, 0];
  const widgets = () => {
    if (findings.runs('notebook.widgets'))
      findings.add('notebook.widgets', 'It keeps the state of widgets, which can hold whole data sets. Clear it.');
  };
  if (Object.keys(asRecord(notebook.metadata)).some(key => key === 'widgets')) widgets();
  findings.runs('notebook.widgets');
  if (hasUnusualSpace(new TextDecoder().decode(bytes)) && findings.runs('notebook.embedded'))
    findings.add(
      'notebook.embedded',
      'It has unusual white space, which can hold anything. Save it again with Jupyter.',
    );
  rest(notebook, SHOWN_KEYS.notebook);
  for (const [index, value] of notebook.cells.entries()) {
    const cell = asRecord(value);
    rest(value, SHOWN_KEYS.cell);
    lines(cell.source);
    pictures += Object.keys(asRecord(cell.attachments)).length;
    for (const result of Array.isArray(cell.outputs) ? cell.outputs : []) {
      outputs++;
      const output = asRecord(result);
      rest(result, SHOWN_KEYS.output);
      lines(output.text);
      lines(output.traceback);
      for (const [type, content] of Object.entries(asRecord(output.data))) {
        if (type.includes('widget')) widgets();
        else if (type.startsWith('image/') || type === 'application/pdf') pictures++;
        else if (
          type === 'application/javascript' ||
          (type === 'text/html' && /<(script|iframe|object|embed)\b/i.test(joinLines(content)))
        ) {
          if (findings.runs('image.active'))
            findings.add('image.active', 'An output has a script or a page in it. Clear it.');
        } else if (type === 'text/html')
          readHtmlTables(
            joinLines(content),
            () => newTable(`cell ${index + 1}`),
            reason =>
              findings.unjudged(
                'sdc.not-run',
                `A table in its outputs is not read to its end: ${reason}. Submit the table as a CSV file.`,
              ),
          );
        else lines(showsAsText(type, content) ? content : JSON.stringify(content, null, 1));
      }
    }
  }
  if (findings.runs('notebook.outputs') && outputs > 0)
    findings.add(
      'notebook.outputs',
      'It has outputs of its cells. Clear them, or submit what is needed as files of its own.',
      [],
      outputs,
    );
  if (findings.runs('notebook.embedded') && pictures > 0)
    findings.add('notebook.embedded', 'It has pictures in it. Submit them as files of their own.', [], pictures);
}

/** JSON with its keys in order. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, sortKeys(inner)]);
  return Object.fromEntries(entries.sort(([first], [second]) => (first < second ? -1 : 1)));
}

/** Text as Jupyter keeps it: a list of lines with their ends. */
const toLines = (value: unknown): string[] => joinLines(value).match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** What a cell puts out: pictures drawn again, text in lines. */
function rewriteData(type: string, content: unknown): unknown {
  if (type !== 'image/png' && type !== 'image/jpeg') return showsAsText(type, content) ? toLines(content) : content;
  return `${Buffer.from(redrawPicture(Buffer.from(joinLines(content), 'base64'))).toString('base64')}\n`;
}

function rewriteOutput(value: unknown, count: unknown): unknown {
  const output = asRecord(value);
  const data = Object.entries(asRecord(output.data)).map(([type, content]) => [type, rewriteData(type, content)]);
  return {
    ...output,
    ...(output.execution_count !== undefined && { execution_count: count }),
    ...(output.text !== undefined && { text: toLines(output.text) }),
    ...(Array.isArray(output.traceback) && { traceback: output.traceback.map(asText).join('\n').split('\n') }),
    ...(output.data !== undefined && { data: Object.fromEntries(data) }),
  };
}

/** Writes a notebook as Jupyter does: sorted keys, an indentation of one, text in lines. */
export const rewriteNotebook: FormatRewrite = async bytes => {
  const notebook = asRecord(parseJson(bytes));
  if (!Array.isArray(notebook.cells)) return undefined;
  const cells = notebook.cells.map(value => {
    const { source, outputs, ...cell } = asRecord(value);
    const count = cell.execution_count;
    return {
      metadata: {},
      ...(cell.cell_type === 'code' && { execution_count: null, outputs: [] }),
      ...cell,
      source: toLines(source),
      ...(Array.isArray(outputs) && { outputs: outputs.map(output => rewriteOutput(output, count)) }),
    };
  });
  // The first version of the format in which cells have ids is 4.5.
  const version = { nbformat: 4, nbformat_minor: cells.some(cell => 'id' in cell) ? 5 : 4 };
  return Buffer.from(`${JSON.stringify(sortKeys({ metadata: {}, ...notebook, cells, ...version }), null, 1)}\n`);
};
