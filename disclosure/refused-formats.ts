import type { Magic } from './format.ts';

/** A format that passes nowhere, named so that a refusal can say what it is and what to do instead. */
interface RefusedFormat {
  readonly magic: readonly Magic[];
  readonly extensions?: readonly string[];
  /** What an archive is called. */
  readonly archive?: string;
  /** What is said of data and models that can run code, */
  readonly executable?: string;
  /** and of what reviewers can't be shown safely. */
  readonly instead?: string;
}

const loadRisk = 'Loading it runs code that is in it';

/** By media type. */
export const REFUSED_FORMATS: Readonly<Record<string, RefusedFormat>> = {
  'image/gif': {
    magic: [{ letters: 'GIF87a' }, { letters: 'GIF89a' }],
    extensions: ['gif'],
    instead: 'Reviewers cannot be shown a GIF safely. Send it as PNG.',
  },
  'image/webp': {
    magic: [{ letters: 'WEBP', at: 8 }],
    extensions: ['webp'],
    instead: 'Reviewers cannot be shown a WebP picture safely. Send it as PNG.',
  },
  'image/tiff': { magic: [{ hex: '49492a00' }, { hex: '4d4d002a' }] },
  'image/bmp': { magic: [{ letters: 'BM' }] },
  'application/pdf': {
    magic: [{ letters: '%PDF-' }],
    extensions: ['pdf'],
    instead:
      'A PDF can hold what nobody sees, and reviewers cannot be shown it safely. Send a figure as PNG, a table as CSV, a text as Markdown.',
  },
  'application/postscript': { magic: [{ hex: '25215053' }] },
  'application/rtf': { magic: [{ letters: '{\\rtf' }] },
  'application/zip': {
    magic: [{ hex: '504b0304' }, { hex: '504b0506' }, { hex: '504b0708' }],
    archive: 'a zip archive',
  },
  'application/gzip': { magic: [{ hex: '1f8b' }], archive: 'a gzip file' },
  'application/x-bzip2': { magic: [{ letters: 'BZh' }], archive: 'an archive' },
  'application/x-xz': { magic: [{ hex: 'fd377a585a00' }], archive: 'an archive' },
  'application/x-7z-compressed': { magic: [{ hex: '377abcaf271c' }], archive: 'an archive' },
  'application/vnd.rar': { magic: [{ letters: 'Rar!' }], archive: 'an archive' },
  'application/zstd': { magic: [{ hex: '28b52ffd' }], archive: 'an archive' },
  'application/x-tar': { magic: [{ letters: 'ustar', at: 257 }], archive: 'a tar archive' },
  'application/vnd.apache.arrow.file': { magic: [{ letters: 'ARROW1' }] },
  'application/x-hdf5': {
    magic: [{ hex: '894844460d0a1a0a' }],
    executable:
      'It is an HDF5 file (also Keras models), which can hold any data and code. Save models as safetensors, tables as CSV.',
  },
  'application/x-npy': {
    magic: [{ hex: '934e554d5059' }],
    executable:
      'It is a NumPy array, which can hold pickled objects and rows of data. Save tables as CSV, models as safetensors.',
  },
  'application/x-pickle': {
    magic: ['8002', '8003', '8004', '8005'].map(hex => ({ hex })),
    executable: `It is a Python pickle (also joblib and older PyTorch files). ${loadRisk}. Save models as safetensors, tables as CSV.`,
  },
  'application/x-rdata': {
    magic: [{ letters: 'RDX' }],
    executable: `It is a workspace of R. ${loadRisk} and it holds whole data sets. Save tables as CSV.`,
  },
  'application/x-rds': {
    magic: [{ letters: 'X\n\0\0' }],
    executable: `It is an RDS file of R. ${loadRisk} and fitted models keep their data. Save tables as CSV.`,
  },
  'application/x-ole-storage': {
    magic: [{ hex: 'd0cf11e0' }],
    executable: 'It is an office file of the old kind, which can hold macros. Save it as .xlsx or .docx.',
  },
  'application/onnx': {
    magic: [],
    extensions: ['onnx'],
    instead: 'Nobody can see what an ONNX model remembers. Send its weights as safetensors.',
  },
  'application/x-executable': { magic: [{ hex: '7f454c46' }, { letters: 'MZ' }, { hex: 'cffaedfe' }] },
  'application/java-vm': { magic: [{ hex: 'cafebabe' }] },
  'application/vnd.sqlite3': { magic: [{ letters: 'SQLite format 3\0' }] },
  'application/x-stata': { magic: [{ letters: '<stata_dta>' }] },
  'application/x-spss': { magic: [{ letters: '$FL2' }] },
  'application/x-sas': { magic: [{ letters: 'HEADER RECORD***' }] },
};
