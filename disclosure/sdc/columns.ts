import { CELL_BITS } from '../csv-tokenizer.ts';

/** What a column (or a row, in a table that is written the other way) holds, by its name alone. */
export type ColumnRole =
  | 'count'
  | 'total'
  | 'denominator'
  | 'weight'
  | 'sum'
  | 'percent'
  | 'proportion'
  | 'largest'
  | 'second'
  | 'freedom'
  | 'parameters'
  | 'quantile'
  | 'extreme'
  | 'statistic'
  | 'ordinal'
  | 'attribute'
  | 'plain';

export interface ColumnClass {
  readonly name: string;
  readonly role: ColumnRole;
  /** A statistic by a word that may as well name a category: whole numbers under it can be counts. */
  readonly vague?: boolean;
  /** Of a quantile: the fraction of people below it. */
  readonly fraction?: number;
}

const words = (text: string) => new Set(text.split(' '));
const statistics = words(
  'mean means avg average sd std stdev stddev se sem stderr var variance cov covariance cv coef coefs coefficient coefficients estimate estimates est beta betas or hr rr irr aor ahr lower upper lcl ucl lci uci ci ci95 pvalue pval tvalue zvalue chi2 chisq fstat r2 rsquared squared auc auroc aic bic loglik deviance rate rates odds ratio ratios hazard risk skew skewness kurtosis correlation corr rho rmse mae mse precision recall sensitivity specificity accuracy f1 ppv npv score loss icc smd nnt nnh arr rrr effect difference diff survival km incidence prevalence index weightedmean conf low high bound statistic ratio per',
);
/** Words that never head a category. */
const sureStatistics = words(
  'mean means avg average sd std stdev stddev se sem stderr var variance covariance coef coefs coefficient coefficients estimate estimates beta betas pvalue pval ci ci95 auc auroc aic bic rmse mae mse r2 rsquared rate rates ratio ratios rho correlation smd icc nnt nnh arr rrr',
);
const ordinals = words(
  'year years yr month months quarter quarters week weeks day days date period wave visit time hour hours minute seconds band decile deciles quintile quartile tertile code codes rank order level levels lag bin bins stratum strata cluster step iteration epoch fold order position version chapter icd icd10 sic soc lsoa msoa imd number_of_years grade stage class threshold cutoff dose cohort followup',
);
const attributes = words(
  'age sex gender ethnicity ethnic bmi height weight smoker smoking diabetes diabetic diagnosis religion nationality marital sbp dbp hba1c cholesterol income salary occupation pregnant died alive death_date admission discharge birthdate language disability',
);
const counts = words(
  'n count counts freq freqs frequency frequencies cases case controls patients people persons participants respondents individuals events deaths admissions obs observations subjects pupils students births women men households records numerator contributors firms companies businesses units num nobs unweighted exposed observed births visits attendances referrals episodes',
);

/**
 * Last words that make a name one of labels: "birth year", "age band". "No" and "group" do so only where nobody can be
 * counted under them: "record no" is a label, but "predicted no" and "control group" are categories of people.
 */
const orders =
  /\b(id|key|year|month|quarter|week|date|band|decile|quintile|quartile|tertile|code|rank|level|stratum|wave)$|\b(record|row|line|serial|sample|batch|account|reference|ref|house|hospital|nhs|phone|telephone|patient|person|study|case) no$|^(group|category)$/;

/** Settings of a program, which count trees and rounds rather than people. */
const settings =
  /^(n (estimators|jobs|trees|folds|splits|iter\w*|chains|burn\w*|boot\w*|sim\w*|repeats|layers|epochs|components|clusters|cores|threads)|max (depth|features|iter\w*|leaf nodes|bins)|min (samples \w+|child weight|impurity \w+)|random state|seed|epochs?|batch size|learning rate|folds|iterations|number of (trees|folds|iterations|chains|epochs|layers|knots))$/;

/** `name` in lower case, its words divided by one space each: camel case, underscores and signs divide too. */
export const normaliseColumnName = (name: string): string =>
  name
    .trim()
    .replace(/%/g, ' percent ')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/([a-z])\.(?=[a-z])/g, '$1 ')
    .replace(/[^a-z0-9.]+/g, ' ')
    .trim();

/** The fraction that a name such as `p25`, `25%`, `q1` or `median` says. */
function quantile(name: string, plain: string): number | undefined {
  if (/^\d{1,2}(\.\d+)?%$/.test(name.trim())) return Number(name.trim().slice(0, -1)) / 100;
  if (/\b(median|med|q2)\b/.test(plain)) return 0.5;
  if (/\b(q1|lq|lower quartile|first quartile)\b/.test(plain)) return 0.25;
  if (/\b(q3|uq|upper quartile|third quartile)\b/.test(plain)) return 0.75;
  const [, digits, , nth] =
    /\b(?:p|pctl|percentile|centile)\s?(\d{1,2}(\.\d+)?)\b|\b(\d{1,2})(?:st|nd|rd|th) (?:per)?centile/.exec(plain) ??
    [];
  if (digits ?? nth) return Number(digits ?? nth) / 100;
  const [, two] = /\bq(\d{2}(?:\.\d+)?)\b/.exec(plain) ?? [];
  if (two) return Number(two) / 100;
  const [, part] = /\bquantile (0?\.\d+)\b/.exec(plain) ?? [];
  return part === undefined ? undefined : Number(part);
}

/** Reads a name. Order matters: "mean count" is a mean, "weighted n" no count of people, "n missing" one. */
export function classifyColumn(name: string): ColumnClass {
  const plain = normaliseColumnName(name);
  const tokens = plain.split(' ');
  const hasToken = (set: ReadonlySet<string>) => tokens.some(token => set.has(token));
  const matches = (pattern: RegExp) => pattern.test(plain);
  // "Largest (£k)" is the largest.
  const amount = plain.replace(/( (k|m|bn|000s?|gbp|usd|eur|aud|thousands?|millions?))+$/, '');
  if (settings.test(plain)) return { name, role: 'statistic' };
  const fraction = quantile(name, plain);
  if (fraction === 0 || fraction === 1) return { name, role: 'extreme' };
  if (fraction !== undefined) return { name, role: 'quantile', fraction };
  if (
    matches(
      /^(oldest|youngest|longest|shortest|tallest|heaviest|lightest)\b(?! (group|quintile|third|quarter|half|band))/,
    )
  )
    return { name, role: 'extreme' };
  if (
    matches(/^(0|100) percent$|\b(min|max|minimum|maximum|range)( value)?$|^(min|max|minimum|maximum|range)\b(?!\d)/)
  ) {
    if (matches(/^max ?1$/)) return { name, role: 'largest' };
    if (matches(/^max ?2$/)) return { name, role: 'second' };
    return { name, role: 'extreme' };
  }
  const largestPattern =
    /^(max ?1|x1|top ?1|largest|largest contribut\w+|first largest|1st largest|biggest)( value| share)?$/;
  if (largestPattern.test(amount)) return { name, role: 'largest' };
  const [, rank] =
    /^(?:(?:share|percent|pct|proportion)(?: of)?(?: the)? (?:top|largest) ?|(?:top|largest) ?|cr ?)([12])(?: (?:share|percent|pct|proportion))?$/.exec(
      plain,
    ) ?? [];
  if (matches(/\b(largest|biggest)\b/) && matches(/\b(share|percent|pct|proportion)\b/))
    return { name, role: 'largest' };
  if (rank) return { name, role: rank === '1' ? 'largest' : 'second' };
  if (/^(max ?2|x2|top ?2|second|second largest|2nd largest|second largest contribut\w+)( value| share)?$/.test(amount))
    return { name, role: 'second' };
  if (
    matches(
      /^(d ?f|dof|ddf|df (resid\w*|denom|error)|resid\w* (d ?f|dof)|degrees? of freedom|(resid\w*|error) degrees of freedom|dof resid\w*)$/,
    )
  )
    return { name, role: 'freedom' };
  if (
    matches(/^(k|p ?params?|n ?params?|num ?params?|parameters|n parameters|df model|n coef\w*|number of parameters)$/)
  )
    return { name, role: 'parameters' };
  if (matches(/\b(p value|pvalue|p val)\b|^p$/)) return { name, role: 'statistic' };
  if (matches(/\b(percent|pct|percentage|perc)\b|percent(age)?$/))
    return { name, role: matches(/^n percent$|\bn percent$/) ? 'count' : 'percent' };
  if (matches(/\b(prop|proportion|fraction|share)\b/)) return { name, role: 'proportion' };
  if (tokens.includes('unweighted') || matches(/\bunwtd\b/)) return { name, role: 'count' };
  if (matches(/\b(weighted|wtd|weights?)\b/) && !matches(/^weight$/)) return { name, role: 'weight' };
  if (matches(/\b(denominator|denom|base)\b/)) return { name, role: 'denominator' };
  if (
    matches(
      /^(n total|total n|total count|total number|count total|population|pop|number at risk|n at risk|at risk)$/,
    ) ||
    name.trim() === 'N'
  )
    return { name, role: matches(/at risk/) ? 'count' : 'denominator' };
  if (
    matches(/^(grand )?total$|^all$|^overall$|^both( sexes)?$|^total /) &&
    !matches(/\b(cost|spend|value|turnover|income|revenue|sales|amount)\b/)
  )
    return { name, role: 'total' };
  if (hasToken(statistics)) return { name, role: 'statistic', vague: !hasToken(sureStatistics) };
  if (
    matches(
      /\b(sum|amount|turnover|income|revenue|profits?|wages|expenditure|assets|output|cost|costs|spend|sales|value|total)\b/,
    )
  )
    return { name, role: 'sum' };
  if (hasToken(counts) || matches(/^(no|number) of\b|^n [a-z]|^n ?\d$|^(num|nobs)\b|\b(cnt|tally)$/))
    return { name, role: 'count' };
  if (ordinals.has(plain) || matches(orders)) return { name, role: 'ordinal' };
  if (hasToken(attributes))
    return { name, role: matches(/\b(group|band|category|range|cat)\b/) ? 'ordinal' : 'attribute' };
  return { name, role: 'plain' };
}

/** Whether a label or a heading stands for all of the others beside it. */
export const isTotalLabel = (label: string): boolean =>
  /^(grand |sub ?)?totals?\b|^(all|overall|both( sexes)?|sum|everyone|any|combined|margin)\b/i.test(label.trim()) &&
  label.trim().length < 40;

/** A mark where a value was left out on purpose, as in `*`, `[c]`, `<10` or `redacted`. */
export const isSuppressionMark = (text: string): boolean =>
  /^(\*+|[[(]?[cdsxz][\])]?|\.\.?\.?|:|-+|–|—|[<≤] ?=? ?\d+|(1|0|2)\s?(-|–|to)\s?[4-9]|n\.?[pd]\.?|\[?(supp(ressed)?|redacted|low|confidential|withheld)\]?|#+)$/i.test(
    text.trim(),
  );

/** The first letters of marks of suppression. */
const markLetters = new Uint8Array(256);
for (const letter of 'cdnlrswxz') markLetters[letter.charCodeAt(0)] = 1;

/** The other letters: neither a number nor a mark begins with one of these. */
const wordLetters = new Uint8Array(256);
for (let byte = 97; byte <= 122; byte++) if (markLetters[byte] === 0) wordLetters[byte] = wordLetters[byte - 32] = 1;

/** Whether a cell is a text by its first byte alone, as most texts are. */
export const startsWithWord = (bytes: Uint8Array, start: number): boolean => wordLetters[bytes[start] as number] === 1;

/** Whether a number may stand behind its name, as in `n=3`. Most labels stop at the first question. */
export function mayBeLabelledNumber(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
  if ((mask & CELL_BITS.digit) === 0 || (mask & CELL_BITS.other) === 0 || end - start > 40) return false;
  for (let index = start + 1; index < end; index++) if (bytes[index] === 61 || bytes[index] === 58) return true;
  return false;
}

/** Whether text can be a mark of suppression by its first bytes and its length; most labels stop here. */
export function mayBeSuppressionMark(bytes: Uint8Array, start: number, length: number): boolean {
  const first = bytes[start] as number;
  const letter = first | 32;
  if (letter >= 97 && letter <= 122) {
    if (markLetters[letter] !== 1 || length < 5) return markLetters[letter] === 1;
    // The longer ones are redacted, withheld, suppressed and confidential, or a shorter one with spaces behind it.
    const longer = length === 8 ? letter === 114 || letter === 119 : length === 10 ? letter === 115 : letter === 99;
    const last = (bytes[start + length - 1] as number) | 32;
    return (length === 8 || length === 10 || length === 12) && (longer || last < 97 || last > 122);
  }
  if (first < 48 || first > 57) return true;
  const second = bytes[start + 1] as number;
  return first <= 50 && length <= 6 && length > 2 && (second < 48 || second > 57);
}
