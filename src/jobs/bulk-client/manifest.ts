/**
 * What an export has made: the files and where they are.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
 *
 * Invariant: what is read names files alone that can be fetched and stored under a name of our own; anything else is no
 * manifest. Equal manifests give their files equal names.
 */
import { isNumber, isObject, type JsonObject, type JsonValue, numberOf } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { dateRange } from '../../fhir/primitives/date.js';
import { ExportProblem } from './problem.js';

/** `output`: resources as they are; `deleted`: bundles that say what is no more; `error`: OperationOutcomes. */
export type FileKind = 'output' | 'deleted' | 'error';

export interface ManifestFile {
  readonly kind: FileKind;
  readonly type: string;
  readonly url: string;
  /** How many resources it holds, where the server says so. */
  readonly count: number | undefined;
  /** The token is to be sent along. */
  readonly withToken: boolean;
}

export interface Manifest {
  /** An instant: what the server knew by then is in the files. */
  readonly transactionTime: string;
  readonly files: readonly ManifestFile[];
  /** The next page of the manifest. */
  readonly next: string | undefined;
}

/** A file with the name under which it is stored. */
export interface NamedFile extends ManifestFile {
  readonly name: string;
}

const LISTS: readonly FileKind[] = ['output', 'deleted', 'error'];
const TYPE = /^[A-Z][A-Za-z]+$/;

/** `from`: where it came from, for URLs that are not absolute. */
export function readManifest(text: string, from: string): Manifest {
  const manifest = parsed(text);
  const { transactionTime, requiresAccessToken, link } = manifest;
  if (typeof transactionTime !== 'string' || dateRange(transactionTime) === undefined) {
    throw broken('it has no transactionTime');
  }
  if (!Array.isArray(manifest.output)) throw broken('it has no output');
  const withToken = requiresAccessToken === true;
  const files = LISTS.flatMap((kind) => {
    const list = manifest[kind] ?? [];
    if (!Array.isArray(list)) throw broken(`its ${kind} is no list`);
    return list.map((entry, at) => fileOf(kind, entry, `${kind}[${at}]`, from, withToken));
  });
  return { transactionTime, files, next: nextOf(link, from) };
}

/** `Patient.001.ndjson`, `deleted.001.ndjson`, `error.001.ndjson`: by kind and type, in the order of the manifest. */
export function namedFiles(files: readonly ManifestFile[]): readonly NamedFile[] {
  const counts = new Map<string, number>();
  return files.map((file) => {
    const stem = file.kind === 'output' ? file.type : file.kind;
    const number = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, number);
    return { ...file, name: `${stem}.${String(number).padStart(3, '0')}.ndjson` };
  });
}

/** Whether two manifests speak of the same files: their URLs may be new. */
export function areSame(one: Manifest, other: Manifest): boolean {
  const shape = ({ transactionTime, files }: Manifest) =>
    [transactionTime, ...files.map(({ kind, type, count }) => `${kind} ${type} ${count ?? ''}`)].join('\n');
  return shape(one) === shape(other);
}

function fileOf(
  kind: FileKind,
  entry: JsonValue,
  place: string,
  from: string,
  withToken: boolean,
): ManifestFile {
  if (!isObject(entry)) throw broken(`its ${place} is no object`);
  const { type, url, count } = entry;
  if (typeof type !== 'string' || !TYPE.test(type)) throw broken(`its ${place} has no type`);
  if (typeof url !== 'string' || !URL.canParse(url, from)) throw broken(`its ${place} has no URL`);
  const lines = isNumber(count) ? numberOf(count) : undefined;
  if (count !== undefined && (lines === undefined || !Number.isSafeInteger(lines) || lines < 0)) {
    throw broken(`its ${place} has a count that is none`);
  }
  return { kind, type, url: new URL(url, from).href, count: lines, withToken };
}

/** https://build.fhir.org/ig/HL7/bulk-data/: `link` with the relation `next`. */
function nextOf(link: JsonValue | undefined, from: string): string | undefined {
  const next = (Array.isArray(link) ? link : []).filter(isObject).find(({ relation }) => relation === 'next');
  if (next === undefined) return undefined;
  if (typeof next.url !== 'string' || !URL.canParse(next.url, from)) throw broken('its next page has no URL');
  return new URL(next.url, from).href;
}

function parsed(text: string): JsonObject {
  try {
    const value = parseJson(text);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw broken(`it is no JSON (${error.line}:${error.column})`);
  }
  throw broken('it is no JSON object');
}

function broken(what: string): ExportProblem {
  return new ExportProblem(`The server's list of files cannot be used: ${what}.`);
}
