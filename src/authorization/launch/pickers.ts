/**
 * The records and visits that a person may choose from, found by ordinary searches with the person's own rights: what they
 * may not open is not on the list, and is not taken from the answer of a form either.
 */
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';
import { parseJson } from '../../fhir/format/parse.js';
import type { QueryPair } from '../../interactions/request.js';
import { dayWords } from '../pages/day-words.js';

/** A search at the FHIR endpoint with the rights of a person; the matches. */
export type SearchAs = (query: readonly QueryPair[], type: string) => Promise<readonly JsonObject[]>;

export interface Option {
  readonly id: string;
  readonly title: string;
  readonly details: string;
}

export interface Options {
  readonly options: readonly Option[];
  readonly more: boolean;
}

/** Shown at most. */
const SHOWN = 20;
const DATE = /^\d{4}(?:-\d\d(?:-\d\d)?)?$/;

/** `own`: ids of the patients of a person who is a patient, or acts for some; undefined: whom the search finds. */
export async function patientOptions(
  search: SearchAs,
  own: readonly string[] | undefined,
  query: string,
): Promise<Options> {
  const asked = query.trim();
  if (own !== undefined) {
    if (own.length === 0) return { options: [], more: false };
    return shown(await search([['_id', own.join(',')], COUNT], 'Patient'), patientOption);
  }
  const by: readonly QueryPair[] = asked === '' ? [] : [[patientParameter(asked), escaped(asked)]];
  return shown(await search([...by, ['_sort', 'family'], COUNT], 'Patient'), patientOption);
}

export async function encounterOptions(search: SearchAs, patient: string, query: string): Promise<Options> {
  const asked = query.trim();
  const by: readonly QueryPair[] =
    asked === '' ? [] : [DATE.test(asked) ? ['date', asked] : ['type:text', escaped(asked)]];
  const found = await search([['patient', patient], ...by, ['_sort', '-date'], COUNT], 'Encounter');
  return shown(found, encounterOption);
}

/** Undefined where the person may not open it. */
export async function patientById(search: SearchAs, id: string): Promise<Option | undefined> {
  return (await search([['_id', id]], 'Patient')).map(patientOption)[0];
}

export async function encounterById(
  search: SearchAs,
  patient: string | undefined,
  id: string,
): Promise<Option | undefined> {
  const of: readonly QueryPair[] = patient === undefined ? [] : [['patient', patient]];
  return (await search([['_id', id], ...of], 'Encounter')).map(encounterOption)[0];
}

/** One more than is shown: then there are more. */
const COUNT: QueryPair = ['_count', String(SHOWN + 1)];

function patientParameter(asked: string): string {
  if (DATE.test(asked)) return 'birthdate';
  return /\d/.test(asked) ? 'identifier' : 'name';
}

/** https://hl7.org/fhir/R4/search.html#escaping */
function escaped(text: string): string {
  return text.replace(/[\\,$|]/g, (sign) => `\\${sign}`);
}

function shown(found: readonly JsonObject[], option: (resource: JsonObject) => Option): Options {
  return { options: found.slice(0, SHOWN).map(option), more: found.length > SHOWN };
}

function patientOption(patient: JsonObject): Option {
  const born = textOf(patient.birthDate);
  const details = [
    born === undefined ? undefined : `born ${dayWords(born)}`,
    textOf(patient.gender),
    ...list(patient.identifier)
      .flatMap((each) => textOf(member(each, 'value')) ?? [])
      .slice(0, 2),
  ];
  return {
    id: textOf(patient.id) ?? '',
    title: nameOf(patient),
    details: details.filter(Boolean).join(' · '),
  };
}

function nameOf(patient: JsonObject): string {
  const names = list(patient.name);
  const name = names.find((each) => textOf(member(each, 'use')) === 'official') ?? names[0];
  if (name === undefined) return 'No name';
  const parts = [...list(member(name, 'given')), member(name, 'family')].map(textOf).filter(Boolean);
  return textOf(member(name, 'text')) ?? (parts.join(' ') || 'No name');
}

function encounterOption(encounter: JsonObject): Option {
  const type = list(encounter.type)[0];
  const coding = list(member(type, 'coding'))[0] ?? encounter.class;
  const title = textOf(member(type, 'text')) ?? textOf(member(coding, 'display')) ?? 'Visit';
  const start = textOf(member(encounter.period, 'start'));
  const status = textOf(encounter.status);
  return {
    id: textOf(encounter.id) ?? '',
    title,
    details: [
      start === undefined ? undefined : dayWords(start),
      status === 'finished' ? undefined : status?.replaceAll('-', ' '),
    ]
      .filter(Boolean)
      .join(' · '),
  };
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)[name]
    : undefined;
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The resources of a searchset's entries. */
export function matchesOf(body: readonly Buffer[] | undefined): readonly JsonObject[] {
  const bundle = parseJson(Buffer.concat(body ?? []).toString('utf8')) as JsonObject; // a searchset of our own
  return list(bundle.entry)
    .filter((entry) => member(member(entry, 'search'), 'mode') === 'match')
    .map((entry) => member(entry, 'resource') as JsonObject); // matches have one
}
