import { UnreadableError } from './bytes.ts';

/** Reads XML no further than checks need: elements by name, in one pass whatever the text is. */
export interface XmlElement {
  readonly attributes: string;
  readonly body: string;
  readonly end: number;
}

export function* findXmlElements(xml: string, name: string): Generator<XmlElement> {
  const [open, close] = [`<${name}`, `</${name}>`];
  for (let index = xml.indexOf(open); index >= 0; ) {
    const next = xml[index + open.length];
    if (next === undefined) return;
    if (!/[\s/>]/.test(next)) {
      index = xml.indexOf(open, index + 1);
      continue;
    }
    const tagEnd = xml.indexOf('>', index);
    if (tagEnd < 0) return;
    const alone = xml[tagEnd - 1] === '/';
    const bodyEnd = alone ? tagEnd + 1 : xml.indexOf(close, tagEnd);
    if (bodyEnd < 0) return;
    const end = alone ? bodyEnd : bodyEnd + close.length;
    yield {
      attributes: xml.slice(index + open.length, alone ? tagEnd - 1 : tagEnd),
      body: alone ? '' : xml.slice(tagEnd + 1, bodyEnd),
      end,
    };
    index = xml.indexOf(open, end);
  }
}

const next = /\s+([^\s=<>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;

/** The value of an attribute, in either kind of quotes. Where its tag can't be followed so far, nobody knows: it is refused. */
export function readXmlAttribute(attributes: string, name: string): string | undefined {
  let offset = 0;
  for (next.lastIndex = 0; ; ) {
    const match = next.exec(attributes);
    if (!match) break;
    if (match[1] === name) return unescapeXml(match[2] ?? match[3] ?? '');
    offset = next.lastIndex;
  }
  if (attributes.slice(offset).trim() !== '') throw new UnreadableError('a tag in its XML is written unusually');
  return undefined;
}

export const unescapeXml = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(lt|gt|amp|quot|apos));/gi, (whole, decimal, hex, name) => {
    const point = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : undefined;
    if (point !== undefined) return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    return { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }[String(name).toLowerCase()] ?? whole;
  });

/** Refuses what the reading above would not see: other encodings, entities of its own, prefixed names. */
export function requirePlainXml(xml: string): string {
  if (xml.includes('\0') || /<!(DOCTYPE|ENTITY)/i.test(xml))
    throw new UnreadableError('its XML is in another encoding or declares entities');
  if (/<[^\s<>/:]+:(sheetData|row|c|si|sst|workbook|sheet|Relationship)[\s/>]/.test(xml))
    throw new UnreadableError('its XML has names that are written unusually');
  return xml;
}

/** The same for what only a workbook has: comments and CDATA are in none that a program writes. */
export function requirePlainSheetXml(xml: string): string {
  if (/<(!|[^\s<>/:]+:(v|is|t|f|r|rPh|cols?|sheetFormatPr|sheets|definedNames?)[\s/>])/.test(xml))
    throw new UnreadableError('its XML has comments, or names that are written unusually');
  return requirePlainXml(xml);
}
