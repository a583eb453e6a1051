import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/policy.ts';
import { worstAction } from '../../disclosure/report.ts';
import { makeXlsx } from './builders.ts';
import { buildCheckedFile, buildSource } from './files.ts';

const spreadsheet = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const rows = [['area', 'n'] as const, ...Array.from({ length: 50 }, (_, index) => [`a${index}`, 20] as const)];
const list = (attributes: string) => ({
  'xl/workbook.xml': `<?xml version="1.0"?><workbook><sheets><sheet ${attributes}/></sheets></workbook>`,
});
const visible = list('name="x" sheetId="1" r:id="rId1"');
async function findingsFor(options: Parameters<typeof makeXlsx>[1]) {
  const bytes = makeXlsx(rows, { parts: visible, ...options });
  return (await checkFile(buildCheckedFile('t.xlsx', bytes), buildSource(bytes), policyFor(2), [])).findings;
}
const row = (cell: string) => `<row r="99"><c r="A99">${cell}</c></row>`;

describe('a workbook that is well-formed as nobody writes it', () => {
  it('is none that people make', async () => expect(await findingsFor({})).toEqual([]));

  it.each<[string, Parameters<typeof makeXlsx>[1], string]>([
    ['a hidden sheet', { parts: list('name="x" sheetId="1" state="hidden" r:id="rId1"') }, 'office.hidden'],
    ['the other quotes', { parts: list(`name="x" sheetId="1" state='hidden' r:id="rId1"`) }, 'office.hidden'],
    ['white space', { parts: list('name="x" sheetId="1" state = "hidden" r:id="rId1"') }, 'office.hidden'],
    [
      'an attribute in another',
      { parts: list(`a=' state="visible" ' state="hidden" name="x" r:id="rId1"`) },
      'office.hidden',
    ],
    ['a row in the other quotes', { sheet: "<row r='99' hidden='1'><c r='A99'><v>30</v></c></row>" }, 'office.hidden'],
    ['a column in them', { cols: "<cols><col min='1' max='1' hidden='1'/></cols>" }, 'office.hidden'],
    [
      'columns behind a comment',
      { cols: '<!-- <sheetData --><cols><col min="1" max="1" hidden="1"/></cols>' },
      'office.hidden',
    ],
    ['a value as CDATA', { sheet: row('<v><![CDATA[3]]></v>') }, 'type.unreadable'],
    ['a value with a prefix', { sheet: row(`<x:v xmlns:x="${spreadsheet}">3</x:v>`) }, 'type.unreadable'],
    ['a row with one', { sheet: `<a-b:row xmlns:a-b="${spreadsheet}"><c><v>3</v></c></a-b:row>` }, 'type.unreadable'],
    [
      'and between others',
      { sheet: `<x:row xmlns:x="${spreadsheet}"><c><v>3</v></c></x:row>${row('<v>30</v>')}` },
      'type.unreadable',
    ],
    [
      'something outside, in the other quotes',
      {
        parts: {
          ...visible,
          'xl/worksheets/_rels/sheet1.xml.rels': `<Relationships><Relationship Id="rId9" Type="x/oleObject" Target="https://evil.example/x" TargetMode='External'/></Relationships>`,
        },
      },
      'office.external',
    ],
  ])('hides nothing: %s', async (_, options, rule) => {
    const findings = await findingsFor(options);
    expect(findings.map(({ rule }) => rule)).toContain(rule);
    expect(worstAction(findings)).toBe('block');
  });

  it('is asked about when it draws its rows by formulas', async () => {
    const ext = '<extLst><ext><x14:conditionalFormatting><xm:f>1</xm:f></x14:conditionalFormatting></ext></extLst>';
    const findings = await findingsFor({ sheet: `</sheetData>${ext}<sheetData>` });
    expect(findings.map(({ rule }) => rule)).toEqual(['office.unseen']);
  });

  it('has no sheet whose name would drown the report', async () => {
    const parts = Array.from({ length: 2000 }, (_, index) => createHash('sha256').update(String(index)).digest('hex'));
    const findings = await findingsFor({ parts: list(`name="${parts.join('')}" sheetId="1" r:id="rId1"`) });
    expect(findings.map(({ rule }) => rule)).toEqual(['type.unreadable']);
  });
});
