/** What names a person or leads straight to one. */
export type IdentifierKind =
  | 'NHS number'
  | 'CHI number'
  | 'National Insurance number'
  | 'e-mail address'
  | 'phone number'
  | 'full postcode';

/** The check digit of NHS and CHI numbers: weights 10 to 2 over nine digits, modulo 11. */
export function hasValidCheckDigit(digits: string): boolean {
  if (!/^\d{10}$/.test(digits) || /^(\d)\1{9}$/.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < 9; index++) sum += (digits.charCodeAt(index) - 48) * (10 - index);
  const check = (11 - (sum % 11)) % 11;
  return check < 10 && check === digits.charCodeAt(9) - 48;
}

/** An NHS number: England's, Wales's and Man's begin with 4, 6 or 7, Northern Ireland's with 3, those for tests with 9. */
export const isNhsNumber = (digits: string): boolean => /^[34679]/.test(digits) && hasValidCheckDigit(digits);

/** A CHI number, Scotland's: a date of birth DDMMYY, three digits and the same check digit. */
export function isChiNumber(digits: string): boolean {
  const [day, month, year] = [0, 2, 4].map(offset => Number(digits.slice(offset, offset + 2)));
  if (day === undefined || month === undefined || year === undefined) return false;
  const days = [31, year % 4 === 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day >= 1 && day <= days && hasValidCheckDigit(digits);
}

/** Prefixes that HMRC has never given out or withdrew. */
const nino = /\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b/;
const email = /(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z\d](?:[a-z\d-]{0,62})\.){1,4}[a-z]{2,24}(?![\w-])/i;
/** Mobile and landline numbers as they are written, with spaces or a prefix: eleven bare digits are anything. */
const phone =
  /(?<![\w.,/-])(?:(?:\+|00)44 ?(?:\(0\) ?)?(?:7\d{3}|[12]\d{2,3}) ?\d{3} ?\d{3,4}|07\d{3} \d{3} ?\d{3}|\(?0(?:1\d{2,3}|2\d)\)? \d{3,4} \d{3,4})(?![\w/-])/;
const postcode =
  /(?<![\w-])(?:GIR ?0AA|(?:[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d|[A-HK-Y]\d\d|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRVWXY])) ?\d[ABD-HJLNP-UW-Z]{2})(?![\w-])/;
const spaced = /(?<![\w.-])\d{3}([ -])\d{3}\1\d{4}(?![\w-]|\.\d)/g;
const bare = /(?<![\w.-])\d{10}(?![\w-]|\.\d)/g;
/** Domains that documents use for examples (RFC 2606), and addresses that are no person's. */
const noPerson = /@(?:.*\.)?(?:example\.(?:com|org|net)|example|test|invalid)$|^(?:git|noreply|no-reply)@/i;
const notPersonal = /^\d+@|@\d+x\./;

/**
 * The identifiers in a line of text or a cell. Precision comes first: ten bare digits are an NHS or CHI number only where
 * the text says so, as one random number in eleven has the check digit too.
 */
export function findIdentifiers(text: string): { kind: IdentifierKind; value: string }[] {
  const identifiers: { kind: IdentifierKind; value: string }[] = [];
  const put = (kind: IdentifierKind, value: string | undefined) => {
    if (value !== undefined) identifiers.push({ kind, value });
  };
  const excerpt = text.length > 20_000 ? text.slice(0, 20_000) : text;
  if (excerpt.includes('@')) {
    const value = email.exec(excerpt)?.[0];
    if (value !== undefined && !noPerson.test(value) && !notPersonal.test(value)) put('e-mail address', value);
  }
  if (!/\d/.test(excerpt)) return identifiers;
  put('National Insurance number', nino.exec(excerpt)?.[0]);
  put('phone number', phone.exec(excerpt)?.[0]);
  put('full postcode', postcode.exec(excerpt)?.[0]);
  for (const [value] of excerpt.matchAll(spaced)) {
    const digits = value.replace(/\D/g, '');
    if (isNhsNumber(digits)) put('NHS number', value);
    else if (isChiNumber(digits)) put('CHI number', value);
  }
  if (/\b(nhs|chi)\b/i.test(excerpt))
    for (const [value] of excerpt.matchAll(bare)) {
      if (isNhsNumber(value)) put('NHS number', value);
      else if (isChiNumber(value)) put('CHI number', value);
    }
  return identifiers;
}

const direct =
  /^(nhs_?(no|num|number|id)|new_nhs_no|chi(_?(no|num|number))?|(pseudo_?)?nhs|(hospital|hosp|local_?patient|case|health_?record)_?(no|num|number|id|identifier)|mrn|ni_?(no|num|number)|nino|national_?insurance(_?(no|num|number))?|ssn|passport(_?(no|num|number))?|upn|uprn|(patient|person|participant|subject|respondent|member|pupil|student|client|individual|user|customer|employee|household)_?(id|identifier|key|no|num|pseudo_?id)|(case|record|encounter|spell|admission|episode|visit|sample)_?(id|identifier)|(p|pt)id|eid|enc_?hesid|encrypted_?hesid|token_?person_?id|epikey)$/;
const personal =
  /^((first|last|middle|family|given|full|patient|person|maiden|sur|fore)_?names?|surname|dob|date_?of_?birth|birth_?date|dateofbirth|(home_?)?address(_?line)?(_?\d)?|post_?code|zip_?code|e_?mail(_?address)?|(tele)?phone(_?(no|num|number))?|mobile(_?(no|num|number))?|date_?of_?death|dod|ip_?address)$/;

/** What a column's name says of the people in it: a key of one person each, or what is known of one. */
export function classifyIdentifyingName(name: string): 'direct' | 'personal' | undefined {
  const plain = name
    .trim()
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return direct.test(plain) ? 'direct' : personal.test(plain) ? 'personal' : undefined;
}
