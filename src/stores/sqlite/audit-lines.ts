/**
 * Records of the audit log as lines of text: what is stored, hashed, and read again.
 *
 * Invariant: a line is JSON on one line; the same record gives the same line.
 */
import { assert } from '../../base/assert.js';
import { isNumber, isObject, type JsonObject, numberOf } from '../../fhir/format/json.js';
import { parseJson } from '../../fhir/format/parse.js';
import { serialise } from '../../fhir/format/serialise.js';
import type { AuditOutcome, AuditRecord } from '../../ports/audit-log.js';

/** Members of a request that are text, by their short names. */
const REQUEST = {
  requestId: 'r',
  interaction: 'i',
  outcome: 'o',
  network: 'n',
  type: 'y',
  id: 'd',
  query: 'q',
} as const satisfies Partial<Record<keyof AuditRecord, string>>;

/** Those of who asks. */
const HOLDER = {
  principal: 'p',
  client: 'c',
  user: 'u',
  scope: 's',
  emergency: 'e',
} as const satisfies Partial<Record<keyof AuditRecord, string>>;

const TEXTS = { ...REQUEST, ...HOLDER } as const;

// The keys of a typed table are its names.
const REQUEST_NAMES = Object.keys(REQUEST) as (keyof typeof REQUEST)[];
const HOLDER_NAMES = Object.keys(HOLDER) as (keyof typeof HOLDER)[];
const NAMES = [...REQUEST_NAMES, ...HOLDER_NAMES];

export function lineOf(record: AuditRecord): string {
  const { time, status, patients, morePatients } = record;
  let line = `{"t":${time}`;
  if (status !== undefined) line += `,"h":${status}`;
  for (const name of REQUEST_NAMES) line += member(name, record[name]);
  line += holderText(record);
  // Ids have no characters that JSON escapes.
  if (patients !== undefined && patients.length > 0) line += `,"w":"${patients.join(' ')}"`;
  return morePatients === true ? `${line},"m":true}` : `${line}}`;
}

function member(name: keyof typeof TEXTS, value: string | undefined): string {
  return value === undefined ? '' : `,"${TEXTS[name]}":${serialise(value)}`;
}

type Holder = Pick<AuditRecord, keyof typeof HOLDER>;

/** What is written of those who asked lately, by their principal: a scope is long, and the same in all that somebody asks. */
const written = new Map<string, { readonly holder: Holder; readonly text: string }>();
const WRITTEN = 1_000;

function holderText(record: AuditRecord): string {
  const known = written.get(record.principal);
  if (known !== undefined && isSame(known.holder, record)) return known.text;
  if (written.size >= WRITTEN) written.clear();
  const { principal, client, user, scope, emergency } = record;
  const text = HOLDER_NAMES.map((name) => member(name, record[name])).join('');
  written.set(principal, { holder: { principal, client, user, scope, emergency }, text });
  return text;
}

function isSame(left: Holder, right: Holder): boolean {
  return (
    left.client === right.client &&
    left.user === right.user &&
    left.scope === right.scope &&
    left.emergency === right.emergency
  );
}

export function recordOf(line: string): AuditRecord {
  const tree = parseJson(line);
  assert(isObject(tree), 'a line of the audit log is an object');
  const texts: Partial<Record<keyof typeof TEXTS, string>> = {};
  for (const name of NAMES) {
    const value = tree[TEXTS[name]];
    if (typeof value === 'string') texts[name] = value;
  }
  const { requestId = '', interaction = '', outcome = '', principal = '', ...others } = texts;
  const status = numberIn(tree, 'h');
  return {
    time: numberIn(tree, 't') ?? 0,
    requestId,
    interaction,
    outcome: outcome as AuditOutcome, // lineOf wrote it
    principal,
    ...(status === undefined ? {} : { status }),
    ...others,
    ...(typeof tree.w === 'string' ? { patients: tree.w.split(' ') } : {}),
    ...(tree.m === true ? { morePatients: true } : {}),
  };
}

function numberIn(tree: JsonObject, name: string): number | undefined {
  const value = tree[name];
  return isNumber(value) ? numberOf(value) : undefined;
}
