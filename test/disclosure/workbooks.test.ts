import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { worstAction } from '../../disclosure/report.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
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

describe('a workbook in unusual but well-formed XML', () => {
  it('raises no finding when it hides nothing', async () => expect(await findingsFor({})).toEqual([]));

  it.each<[string, Parameters<typeof makeXlsx>[1], string]>([
    ['a hidden sheet', { parts: list('name="x" sheetId="1" state="hidden" r:id="rId1"') }, 'office.hidden'],
    [
      'a hidden sheet in single quotation marks',
      { parts: list(`name="x" sheetId="1" state='hidden' r:id="rId1"`) },
      'office.hidden',
    ],
    [
      'a hidden sheet with white space around the equals sign',
      { parts: list('name="x" sheetId="1" state = "hidden" r:id="rId1"') },
      'office.hidden',
    ],
    [
      'a hidden sheet with an attribute quoted inside another',
      { parts: list(`a=' state="visible" ' state="hidden" name="x" r:id="rId1"`) },
      'office.hidden',
    ],
    [
      'a hidden row in single quotation marks',
      { sheet: "<row r='99' hidden='1'><c r='A99'><v>30</v></c></row>" },
      'office.hidden',
    ],
    [
      'a hidden column in single quotation marks',
      { cols: "<cols><col min='1' max='1' hidden='1'/></cols>" },
      'office.hidden',
    ],
    [
      'a hidden column after a comment',
      { cols: '<!-- <sheetData --><cols><col min="1" max="1" hidden="1"/></cols>' },
      'office.hidden',
    ],
    ['a value as CDATA', { sheet: row('<v><![CDATA[3]]></v>') }, 'type.unreadable'],
    ['a value with a namespace prefix', { sheet: row(`<x:v xmlns:x="${spreadsheet}">3</x:v>`) }, 'type.unreadable'],
    [
      'a row with a namespace prefix',
      { sheet: `<a-b:row xmlns:a-b="${spreadsheet}"><c><v>3</v></c></a-b:row>` },
      'type.unreadable',
    ],
    [
      'a row with a namespace prefix before an ordinary row',
      { sheet: `<x:row xmlns:x="${spreadsheet}"><c><v>3</v></c></x:row>${row('<v>30</v>')}` },
      'type.unreadable',
    ],
    [
      'a link to an outside object in single quotation marks',
      {
        parts: {
          ...visible,
          'xl/worksheets/_rels/sheet1.xml.rels': `<Relationships><Relationship Id="rId9" Type="x/oleObject" Target="https://evil.example/x" TargetMode='External'/></Relationships>`,
        },
      },
      'office.external',
    ],
  ])('is blocked for %s', async (_, options, rule) => {
    const findings = await findingsFor(options);
    expect(findings.map(({ rule }) => rule)).toContain(rule);
    expect(worstAction(findings)).toBe('block');
  });

  it('is left to a reviewer when formulas decide how its cells look', async () => {
    const ext = '<extLst><ext><x14:conditionalFormatting><xm:f>1</xm:f></x14:conditionalFormatting></ext></extLst>';
    const findings = await findingsFor({ sheet: `</sheetData>${ext}<sheetData>` });
    expect(findings.map(({ rule }) => rule)).toEqual(['office.unseen']);
  });

  const settings = (content: string) => ({ parts: { 'xl/styles.xml': `<styleSheet>${content}</styleSheet>` } });
  it.each([
    ['digits among known words', settings('<font name="Arial 94347 65919 11223 44556 77889"/>')],
    ['signs among known words', settings(`<font name="Arial ${'+-'.repeat(20)}"/>`)],
    ['many short words', settings('<font name="zq xv wq zx qz vx kq"/>')],
    [
      'far more numbers than programs write',
      settings(Array.from({ length: 600 }, (_, index) => `<xf fontId="${index * 1_234_567 + 1_000_000}"/>`).join('')),
    ],
    ['text between elements', settings('<fonts><font/>94347</fonts>')],
    ['text beside the text of a cell', { sheet: '<row r="99"><c r="A99">94347<v>30</v></c></row>' }],
    ['the style of a cell that no workbook has', { sheet: '<row r="99"><c r="A99" s="94347"><v>30</v></c></row>' }],
  ])('is left to a reviewer for %s', async (_, options) => {
    expect((await findingsFor(options)).map(({ rule }) => rule)).toContain('office.unseen');
  });

  it.each([
    ['a cell that is not where it says', '<row r="99"><c r="A94347"><v>30</v></c></row>'],
    ['a row that is not in order', '<row r="1"><c r="A1"><v>30</v></c></row>'],
    ['a row with an unusual number', '<row r="99.0"><c><v>30</v></c></row>'],
  ])('is unreadable for %s', async (_, sheet) => {
    expect((await findingsFor({ sheet })).map(({ rule }) => rule)).toEqual(['type.unreadable']);
  });

  const relations = (type: string) =>
    `<Relationships><Relationship Id="rId1" Type="${type}" Target="worksheets/sheet1.xml"/></Relationships>`;
  it.each([
    'http://schemas.openxmlformats.org/officeDocument/2006/patientzzzz/worksheet',
    'http://schemas.openxmlformats.org/officeDocument/2006/relatizzzzzzzzzzzzzzzz',
    'http://schemas.openxmlformats.org/193847/worksheet',
    'urn:schemas-microsoft-com:office:Jane-Doe',
    'http://example.org/officeDocument/2006/relationships/worksheet',
    'worksheet',
  ])('is left to a reviewer when a relationship has the unknown type %s', async type => {
    const findings = await findingsFor({ parts: { 'xl/_rels/workbook.xml.rels': relations(type) } });
    expect(findings.map(({ rule }) => rule)).toContain('office.unseen');
  });

  it.each([
    'http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet',
    'http://schemas.microsoft.com/office/spreadsheetml/2009/9/main',
    'http://purl.org/dc/terms/',
    'http://www.w3.org/XML/1998/namespace',
    'urn:schemas-microsoft-com:office:excel',
  ])('passes with the type %s, which office programs write', async type => {
    expect(await findingsFor({ parts: { 'xl/_rels/workbook.xml.rels': relations(type) } })).toEqual([]);
  });

  it('is reported as unreadable when the name of a sheet is very long', async () => {
    const parts = Array.from({ length: 2000 }, (_, index) => createHash('sha256').update(String(index)).digest('hex'));
    const findings = await findingsFor({ parts: list(`name="${parts.join('')}" sheetId="1" r:id="rId1"`) });
    expect(findings.map(({ rule }) => rule)).toEqual(['type.unreadable']);
  });
});
