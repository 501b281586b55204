/**
 * Requests of the leak hunt: every interaction and operation, by every way that could lead to what may not be seen.
 */
import type { JsonObject } from '../../../fhir/format/json.js';
import type { Dice } from '../../../ports/dice.js';
import type { Ask } from '../../testing.js';
import { targets } from '../checker/testing.js';
import {
  anyId,
  anyResource,
  anyType,
  CATEGORIES,
  PATIENTS,
  type Secrets,
  type Tree,
} from '../ward/testing.js';

export interface Asked {
  readonly line: string;
  readonly ask?: Ask;
  /** What the answer may show is what may be done with these letters. */
  readonly by: string;
  /** Exactly these are the matches, as far as they may be searched. */
  readonly finds?: { readonly type: string; readonly meets: (tree: Tree) => boolean };
  /** May change the store. */
  readonly writes?: boolean;
}

export interface Asking {
  readonly dice: Dice;
  readonly secrets: Pick<Secrets, 'next'>;
}

const PATCH = { 'content-type': 'application/json-patch+json' };
const ASYNC = { prefer: 'respond-async', accept: 'application/fhir+json' };
const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  Observation: [
    '_include=Observation:subject',
    '_include=Observation:encounter&_include:iterate=Encounter:*',
    '_include=*',
    '_revinclude=Provenance:target',
    '_revinclude=Observation:derived-from',
    '_revinclude=List:item',
  ],
  Patient: [
    '_revinclude=Observation:subject',
    '_revinclude=*',
    '_include=Patient:link&_include:iterate=Patient:link',
    '_revinclude=Group:member&_revinclude=AuditEvent:entity',
    '_include=Patient:general-practitioner&_revinclude:iterate=Provenance:agent',
  ],
};
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  Observation: [
    'subject:Patient.active=true',
    'subject:Patient.link:Patient._id=p1',
    'performer:Practitioner._id=d1',
    'encounter.subject:Patient._id=p2',
    '_has:Provenance:target:agent=d1',
    '_has:List:item:source=Patient/p1',
    '_filter=subject eq Patient/p1 or code eq a',
    'code:in=ValueSet/valueset-1',
    'code:not=a',
    '_security:not=R',
    'subject:missing=true',
    'encounter:below=Encounter/encounter-1',
    '_sort=subject,-date',
    '_sort=-_lastUpdated&_summary=true',
    '_elements=status',
    '_list=list-1',
    '_tag=urn:secret|',
  ],
  Patient: [
    '_has:Observation:subject:code=a',
    '_has:AuditEvent:entity:type=rest',
    '_has:Group:member:_id=group-1',
    'general-practitioner._id=d1',
    'link:Patient._id=p1',
    '_filter=active eq true',
    '_sort=family',
    '_content=somebody',
    '_text=somebody',
    '_list=list-2',
  ],
  Encounter: [
    'part-of:below=encounter-1',
    '_has:Condition:encounter:code=a',
    'service-provider:missing=false',
  ],
};
const GRAPHQL_FIELDS = 'resourceType id meta { versionId tag { code } }';

type Make = (asking: Asking) => Asked;

const READS: readonly Make[] = [
  ({ dice }) => onInstance(dice, (name) => ({ line: `GET ${name}`, by: 'r' })),
  ({ dice }) => onInstance(dice, (name) => ({ line: `GET ${name}/_history/${1 + dice.below(3)}`, by: 'r' })),
  ({ dice }) => onInstance(dice, (name) => ({ line: `GET ${name}/_history`, by: 'r' })),
  ({ dice }) => onInstance(dice, (name) => ({ line: `GET ${name}?_elements=status`, by: 'r' })),
  ({ dice }) => onInstance(dice, (name) => ({ line: `GET ${name}/$meta`, by: 'r' })),
  ({ dice }) => ({
    line: `GET Binary/${anyId('Binary', dice)}`,
    ask: { headers: { accept: 'text/plain' } },
    by: 'r',
  }),
];

const SEARCHES: readonly Make[] = [
  ({ dice }) => everyOne(anyType(dice), '', () => true, dice),
  ({ dice }) => everyOne(anyType(dice), '', () => true, dice),
  ({ dice }) => {
    const code = dice.pick(CATEGORIES);
    const type = dice.pick(['Observation', 'Condition', 'DocumentReference']);
    const meets = ({ category = [] }: Tree) => JSON.stringify(category).includes(`"${code}"`);
    return everyOne(type, `category=${code}`, meets, dice);
  },
  ({ dice }) => {
    const [type, id] = [
      dice.pick(['Observation', 'Condition', 'Encounter', 'List', 'Basic']),
      dice.pick(PATIENTS),
    ];
    const meets = (tree: Tree) => targets(tree, 'subject').includes(`Patient/${id}`);
    return everyOne(type, `subject=Patient/${id}`, meets, dice);
  },
  ({ dice }) => {
    const type = anyType(dice);
    const ids = [anyId(type, dice), anyId(type, dice)];
    return everyOne(type, `_id=${ids.join(',')}`, ({ id }) => ids.includes(id), dice);
  },
  ({ dice }) => {
    const type = dice.pick(Object.keys(INCLUDES));
    const size = dice.below(2) === 0 ? '' : '&_count=3';
    return { line: `GET ${type}?${dice.pick(INCLUDES[type] as readonly string[])}${size}`, by: 's' };
  },
  ({ dice }) => {
    const type = dice.pick(Object.keys(FILTERS));
    const total = dice.pick(['', '&_total=accurate', '&_summary=count', '&_count=2']);
    return { line: `GET ${type}?${encoded(dice.pick(FILTERS[type] as readonly string[]))}${total}`, by: 's' };
  },
  ({ dice }) => ({ line: `GET ?_id=${dice.pick(PATIENTS)},${anyId(anyType(dice), dice)}`, by: 's' }),
  ({ dice }) => ({ line: `GET ?_type=${anyType(dice)},${anyType(dice)}&_total=accurate`, by: 's' }),
  ({ dice }) => ({ line: `GET Patient/${dice.pick(PATIENTS)}/*?_total=accurate`, by: 's' }),
  ({ dice }) => ({ line: `GET Patient/${dice.pick(PATIENTS)}/Observation?_include=*`, by: 's' }),
  ({ dice }) => ({
    line: `GET ${dice.pick(['', 'Patient/', `${anyType(dice)}/`])}_history?_count=${1 + dice.below(30)}`,
    by: 's',
  }),
  ({ dice }) => ({ line: `GET Observation?code=a&_explain=${dice.pick(['true', 'false'])}`, by: 's' }),
  ({ dice }) => {
    const kind = dice.pick(['true', 'both']);
    const shown = dice.pick(['', '&_containedType=contained', '&_containedType=container']);
    const query = dice.pick([
      'Medication?code=pill',
      'Medication?_count=3',
      'MedicationRequest?medication.code=pill',
    ]);
    return { line: `GET ${query}&_contained=${kind}${shown}&_total=accurate`, by: 's' };
  },
  ({ dice }) => formed('Observation/_search', { code: 'a', _include: 'Observation:subject' }, dice),
  ({ dice }) => formed('_search', { _type: `${anyType(dice)},Patient`, _total: 'accurate' }, dice),
  ({ dice }) => formed(`Patient/${dice.pick(PATIENTS)}/Observation/_search`, { _include: '*' }, dice),
  ({ dice }) => ({ line: `GET Observation/$lastn?max=2&patient=Patient/${dice.pick(PATIENTS)}`, by: 's' }),
];

const OPERATIONS: readonly Make[] = [
  ({ dice }) => ({
    line: `GET Patient/${dice.pick(PATIENTS)}/$everything?_count=${5 + dice.below(50)}`,
    by: 'rs',
  }),
  ({ dice }) => ({ line: `GET Encounter/${anyId('Encounter', dice)}/$everything`, by: 'rs' }),
  ({ dice }) => ({ line: `GET ${dice.below(8) === 0 ? '' : `${anyType(dice)}/`}$meta`, by: 's' }),
  ({ dice }) => ({ line: `GET Group/${anyId('Group', dice)}/$everything?_count=9`, by: 'rs' }),
  ({ dice }) => ({ line: `GET ${dice.pick(['Patient', 'Encounter'])}/$everything?_count=7`, by: 'rs' }),
  ({ dice }) => ({ line: `GET Practitioner/d1/$everything?_type=${anyType(dice)}`, by: 'rs' }),
  ({ dice }) =>
    graphql(`{ Observation(id: "${anyId('Observation', dice)}") { ${GRAPHQL_FIELDS}
      subject { resource { ... on Patient { ${GRAPHQL_FIELDS} } } }
      encounter { resource { ${GRAPHQL_FIELDS} partOf { resource { ${GRAPHQL_FIELDS} } } } } } }`),
  ({ dice }) => {
    const type = anyType(dice);
    return graphql(
      `{ ${type}List(_count: "9") { ${GRAPHQL_FIELDS} } ${type}Connection { count edges { resource { ${GRAPHQL_FIELDS} } } } }`,
    );
  },
  ({ dice }) => called(`${dice.pick(['Patient', 'Encounter'])}/$everything`, { _count: { valueInteger: 9 } }),
  ({ dice }) => called(`Patient/${dice.pick(PATIENTS)}/$everything`, { _type: { valueCode: anyType(dice) } }),
  ({ dice }) => ({
    line: `POST ${dice.pick(['', 'Observation/'])}$graphql`,
    ask: { body: { query: `{ ${anyType(dice)}List(_count: "9") { ${GRAPHQL_FIELDS} } }` } },
    by: 'rs',
  }),
  ({ dice }) =>
    graphql(
      `{ ${GRAPHQL_FIELDS} ObservationList(_reference: subject) { ${GRAPHQL_FIELDS} } }`,
      `Patient/${dice.pick(PATIENTS)}/`,
    ),
];

const WRITES: readonly Make[] = [
  (asking) =>
    writes(asking, (tree) => ({ line: `PUT ${tree.resourceType}/${tree.id}`, ask: { body: tree } })),
  (asking) =>
    writes(asking, (tree) => ({ line: `PUT ${tree.resourceType}/${tree.id}`, ask: { body: tree } })),
  (asking) =>
    writes(asking, (tree) => ({
      line: `PUT ${tree.resourceType}/${tree.id}`,
      ask: { body: tree, headers: anyMatch(asking.dice) },
    })),
  (asking) => writes(asking, (tree) => ({ line: `POST ${tree.resourceType}`, ask: { body: tree } })),
  (asking) =>
    writes(asking, (tree) => ({
      line: `POST ${tree.resourceType}`,
      ask: { body: tree, headers: { 'if-none-exist': `_id=${anyId(tree.resourceType, asking.dice)}` } },
    })),
  (asking) =>
    writes(asking, (tree) => ({
      line: `PUT ${tree.resourceType}?_id=${anyId(tree.resourceType, asking.dice)}`,
      ask: { body: asking.dice.below(2) === 0 ? tree : withoutId(tree) },
    })),
  ({ dice }) =>
    onInstance(dice, (name) => ({
      line: `PATCH ${name}`,
      ask: { headers: { ...PATCH, ...anyMatch(dice) }, body: patch(dice) },
      by: 'r',
      writes: true,
    })),
  ({ dice }) => ({
    line: `PATCH Observation?_id=${anyId('Observation', dice)}`,
    ask: { headers: PATCH, body: patch(dice) },
    by: 'rs',
    writes: true,
  }),
  ({ dice }) => onInstance(dice, (name) => ({ line: `DELETE ${name}`, by: '', writes: true })),
  ({ dice }) => {
    const type = anyType(dice);
    return { line: `DELETE ${type}?_id=${anyId(type, dice)}`, by: '', writes: true };
  },
  ({ dice }) =>
    onInstance(dice, (name) => ({
      line: `POST ${name}/$meta-${dice.pick(['add', 'delete'])}`,
      ask: { body: parametersOf({ tag: [{ system: 'urn:tag', code: 'seen' }] }) },
      by: 'r',
      writes: true,
    })),
];

/** Reads and writes in one bundle. */
const BUNDLES: readonly Make[] = [
  (asking) =>
    bundle('batch', [
      anyOf(READS, asking),
      anyOf(READS, asking),
      anyOf(SEARCHES, asking),
      anyOf(WRITES, asking),
    ]),
  (asking) => bundle('transaction', [anyOf(READS, asking), anyOf(WRITES, asking)]),
  (asking) => {
    const tree = anyResource('Observation', 'new', asking.secrets.next(), asking.dice);
    const subject = { reference: `Patient?_id=${asking.dice.pick(PATIENTS)}` };
    const post = {
      line: 'POST Observation',
      ask: { body: withoutId({ ...tree, subject }) },
      by: '',
      writes: true,
    };
    return bundle('transaction', [post]);
  },
];

/** One of each kind, to see what there is. */
export function everyRequest(asking: Asking): readonly Asked[] {
  const makes = [READS, SEARCHES, OPERATIONS, WRITES, BUNDLES].flat();
  return [...makes.map((make) => make(asking)), ...twinRequests('Observation', 'x', asking)];
}

export function anyRequest(asking: Asking): Asked {
  const at = asking.dice.below(100);
  if (at < 30) return anyOf(READS, asking);
  if (at < 70) return anyOf(SEARCHES, asking);
  if (at < 86) return anyOf(OPERATIONS, asking);
  return at < 97 ? anyOf(WRITES, asking) : anyOf(BUNDLES, asking);
}

/** Requests about one resource by its id, each to be asked of what is hidden and of what is not there. */
export function twinRequests(type: string, id: string, asking: Asking): readonly Asked[] {
  const { dice, secrets } = asking;
  const tree = { ...anyResource(type, id, 'zq0zq', dice), id };
  const own = {
    ...anyResource('Observation', 'x', secrets.next(), dice),
    subject: { reference: 'Patient/p1' },
  };
  const one = (line: string, ask: Ask = {}): Asked => ({ line, ask, by: '', writes: true });
  const inBundle = (asked: Asked): readonly Asked[] => [
    asked,
    bundle('batch', [asked]),
    bundle('transaction', [asked]),
  ];
  return [
    one(`GET ${type}/${id}`),
    one(`GET ${type}/${id}/_history/1`),
    one(`GET ${type}/${id}/_history`),
    one(`GET ${type}/${id}`, { headers: { 'if-none-match': 'W/"1"' } }),
    one(`GET ${type}?_id=${id}&_total=accurate`),
    one(`GET ${type}/${id}/$meta`),
    one(`GET ${type}/${id}/$graphql?query={id}`),
    one(
      `GET $graphql?query=${encodeURIComponent(`{ ${type}(id: "${id}") { id } ${type}List(_id: "${id}") { id } }`)}`,
    ),
    one(`GET Observation?subject:Patient._id=${id}&_total=accurate`),
    one(`GET Patient?_has:${type}:_id:_id=${id}`),
    one(`GET Observation?_list=${id}`),
    one(`GET Observation?code:in=ValueSet/${id}`),
    one(`GET Patient/${id}/$everything`),
    one(`GET Group/${id}/$export`, { headers: ASYNC }),
    one(`POST Patient/${id}/$purge?_dryRun=true`, { headers: ASYNC }),
    one(`POST ${type}/${id}/$meta-add`, { body: parametersOf({ tag: [{ code: 'x' }] }) }),
    ...inBundle(one(`PUT ${type}/${id}`, { body: tree })),
    one(`PUT ${type}/${id}`, { body: tree, headers: { 'if-match': 'W/"1"' } }),
    one(`PUT ${type}/${id}`, { body: tree, headers: { 'if-match': '*' } }),
    one(`PUT ${type}/${id}`, { body: tree, headers: { 'if-none-match': '*' } }),
    ...inBundle(one(`PUT ${type}?_id=${id}`, { body: tree })),
    ...inBundle(one(`PUT ${type}?status=nothing-has-this&_id=${id}`, { body: tree })),
    ...inBundle(one(`PATCH ${type}/${id}`, { headers: PATCH, body: patch(dice) })),
    one(`PATCH ${type}/${id}`, { headers: { ...PATCH, 'if-match': 'W/"2"' }, body: patch(dice) }),
    one(`PATCH ${type}?_id=${id}`, { headers: PATCH, body: patch(dice) }),
    ...inBundle(one(`DELETE ${type}/${id}`)),
    one(`DELETE ${type}/${id}`, { headers: { 'if-match': 'W/"1"' } }),
    one(`DELETE ${type}/${id}`, { headers: { 'if-match': '*' } }),
    ...inBundle(one(`DELETE ${type}?_id=${id}`)),
    one('POST Observation', {
      body: own,
      headers: { 'if-none-exist': `subject:Patient._id=${id}&_id=none` },
    }),
    bundle('transaction', [
      one('POST Observation', { body: withoutId({ ...own, subject: { reference: `Patient?_id=${id}` } }) }),
    ]),
    // Refused where references are checked, stored where they are not: either way the same for both.
    one('POST Observation', { body: { ...own, performer: [{ reference: `${referable(type)}/${id}` }] } }),
  ];
}

/** What an Observation may have as its performer. */
function referable(type: string): string {
  return ['Organization', 'Practitioner', 'RelatedPerson'].includes(type) ? type : 'Patient';
}

function anyOf(makes: readonly Make[], asking: Asking): Asked {
  return asking.dice.pick(makes)(asking);
}

function onInstance(dice: Dice, make: (name: string) => Asked): Asked {
  const type = anyType(dice);
  return make(`${type}/${anyId(type, dice)}`);
}

function everyOne(type: string, query: string, meets: (tree: Tree) => boolean, dice: Dice): Asked {
  const counted = dice.below(3) === 0 ? '_summary=count' : '_count=1000&_total=accurate';
  return {
    line: `GET ${type}?${[...(query === '' ? [] : [query]), counted].join('&')}`,
    by: 's',
    finds: { type, meets },
  };
}

/** A search by POST. */
function formed(path: string, fields: Readonly<Record<string, string>>, dice: Dice): Asked {
  const body = Buffer.from(new URLSearchParams({ ...fields, _count: String(1 + dice.below(9)) }).toString());
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { line: `POST ${path}`, ask: { headers, body }, by: 's' };
}

/** An operation by POST, its parameters in the body. */
function called(path: string, parameters: Readonly<Record<string, JsonObject>>): Asked {
  const parameter = Object.entries(parameters).map(([name, value]): JsonObject => ({ name, ...value }));
  return { line: `POST ${path}`, ask: { body: { resourceType: 'Parameters', parameter } }, by: 'rs' };
}

function writes({ dice, secrets }: Asking, make: (tree: Tree) => Pick<Asked, 'line' | 'ask'>): Asked {
  const type = anyType(dice);
  return { ...make(anyResource(type, anyId(type, dice), secrets.next(), dice)), by: 's', writes: true };
}

function withoutId(tree: JsonObject): JsonObject {
  const { id: _id, ...others } = tree;
  return others;
}

function anyMatch(dice: Dice): Readonly<Record<string, string>> {
  return dice.pick([
    {},
    { 'if-match': 'W/"1"' },
    { 'if-match': '*' },
    { 'if-match': 'W/"2", W/"3"' },
    { 'if-none-match': '*' },
  ]);
}

function patch(dice: Dice): JsonObject[] {
  return [
    { op: 'add', path: '/language', value: dice.pick(['en', 'de']) },
    ...(dice.below(2) === 0
      ? [{ op: 'add', path: '/subject', value: { reference: `Patient/${dice.pick(PATIENTS)}` } }]
      : []),
  ];
}

function parametersOf(meta: JsonObject): JsonObject {
  return { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] };
}

function graphql(query: string, on = ''): Asked {
  return { line: `GET ${on}$graphql?query=${encodeURIComponent(query)}`, by: 'rs' };
}

/** The URL with its value encoded. */
function encoded(filter: string): string {
  const at = filter.indexOf('=');
  return filter.startsWith('_filter') ? `_filter=${encodeURIComponent(filter.slice(at + 1))}` : filter;
}

export function bundle(type: 'batch' | 'transaction', requests: readonly Asked[]): Asked {
  const entry = requests.map(({ line, ask = {} }): JsonObject => {
    const [method = '', url = ''] = line.split(' ', 2);
    const { body, headers = {} } = ask;
    const named = (name: string, as: string) => (headers[name] === undefined ? {} : { [as]: headers[name] });
    const resource = Array.isArray(body)
      ? {
          resourceType: 'Binary',
          contentType: PATCH['content-type'],
          data: Buffer.from(JSON.stringify(body)).toString('base64'),
        }
      : body;
    return {
      ...(resource === undefined ? {} : { resource: resource as JsonObject }),
      request: {
        method,
        url,
        ...named('if-match', 'ifMatch'),
        ...named('if-none-match', 'ifNoneMatch'),
        ...named('if-none-exist', 'ifNoneExist'),
      },
    };
  });
  const by = [...new Set(requests.flatMap((one) => [...one.by]))].join('');
  return { line: 'POST ', ask: { body: { resourceType: 'Bundle', type, entry } }, by, writes: true };
}
