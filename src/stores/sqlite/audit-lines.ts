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

/** Members that are text, by their short names. */
const TEXTS = {
  requestId: 'r',
  interaction: 'i',
  outcome: 'o',
  principal: 'p',
  client: 'c',
  user: 'u',
  scope: 's',
  emergency: 'e',
  network: 'n',
  type: 'y',
  id: 'd',
  query: 'q',
} as const satisfies Partial<Record<keyof AuditRecord, string>>;

type Short = (typeof TEXTS)[keyof typeof TEXTS];

// The keys of a typed table are its names.
const NAMES = Object.keys(TEXTS) as (keyof typeof TEXTS)[];

/** One template: a line is made for each read. */
export function lineOf(record: AuditRecord): string {
  const { time, status, requestId, interaction, outcome, network, type, id, query, patients } = record;
  const known = status === undefined ? '' : `,"h":${status}`;
  const asked = `${frequent('i', interaction)}${frequent('y', type)}${member('d', id)}${member('q', query)}`;
  const from = `${member('r', requestId)}${frequent('n', network)}${holderText(record)}`;
  // Ids have no characters that JSON escapes.
  const whose = patients === undefined || patients.length === 0 ? '' : `,"w":"${patients.join(' ')}"`;
  const more = record.morePatients === true ? ',"m":true' : '';
  return `{"t":${time}${known}${asked},"o":"${outcome}"${from}${whose}${more}}`;
}

function member(name: Short, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${serialise(value)}`;
}

/** Texts that most lines have in common, as they stand in lines. */
const quoted = new Map<string, string>();
const WRITTEN = 1_000;

function frequent(name: Short, value: string | undefined): string {
  if (value === undefined) return '';
  const known = quoted.get(value);
  if (known !== undefined) return `,"${name}":${known}`;
  if (quoted.size >= WRITTEN) quoted.clear();
  quoted.set(value, serialise(value));
  return member(name, value);
}

type Holder = Pick<AuditRecord, 'principal' | 'client' | 'user' | 'scope' | 'emergency'>;

/** What is written of those who asked lately, by their principal: a scope is long, and the same in all that somebody asks. */
const written = new Map<string, { readonly holder: Holder; readonly text: string }>();
function holderText(record: AuditRecord): string {
  const known = written.get(record.principal);
  if (known !== undefined && isSame(known.holder, record)) return known.text;
  if (written.size >= WRITTEN) written.clear();
  const { principal, client, user, scope, emergency } = record;
  const text = [
    member('p', principal),
    member('c', client),
    member('u', user),
    member('s', scope),
    member('e', emergency),
  ].join('');
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
