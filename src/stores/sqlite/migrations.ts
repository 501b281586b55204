/**
 * The tables of a store and how an older store becomes a newer one: an ordered table of steps, forward only.
 * See "How a resource is stored" in src/ARCHITECTURE.md.
 *
 * Invariant: a step is never changed once it was released; `user_version` is the number of the last step taken.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { Connection } from './connection.js';
import { StoreError } from './store-error.js';

/** `Frwy`: marks the file as a Fairway store. */
const APPLICATION_ID = 0x46727779;

const RESOURCES = `
CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE ledger(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE type(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO type(id, name) VALUES (0, '');
CREATE TABLE resource(
  rid INTEGER PRIMARY KEY, type INTEGER NOT NULL, id TEXT NOT NULL, position INTEGER, version INTEGER NOT NULL DEFAULT 0,
  last_updated INTEGER, live INTEGER NOT NULL DEFAULT 0, sort_date INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX resource_identity ON resource(type, id);
CREATE INDEX resource_natural ON resource(type, sort_date, rid) WHERE live = 1;
CREATE INDEX resource_position ON resource(type, position) WHERE live = 1;
CREATE TABLE version(
  position INTEGER PRIMARY KEY, rid INTEGER NOT NULL, type INTEGER NOT NULL, version INTEGER NOT NULL,
  last_updated INTEGER NOT NULL, method INTEGER NOT NULL, bytes BLOB);
CREATE UNIQUE INDEX version_instance ON version(rid, version);
CREATE INDEX version_type ON version(type, position);
`;

/** The index tables: made from the resources, so they can be dropped and made anew. */
export const INDEX_TABLES = `
DROP TABLE IF EXISTS term;
DROP TABLE IF EXISTS param;
DROP TABLE IF EXISTS key_index;
DROP TABLE IF EXISTS range_index;
DROP TABLE IF EXISTS string_index;
DROP TABLE IF EXISTS index_entry;
DROP TABLE IF EXISTS newest;
CREATE TABLE term(id INTEGER PRIMARY KEY, system INTEGER NOT NULL, code TEXT NOT NULL);
CREATE UNIQUE INDEX term_code ON term(code, system);
CREATE INDEX term_system ON term(system);
CREATE TABLE param(
  id INTEGER PRIMARY KEY, type INTEGER NOT NULL, code TEXT NOT NULL, max_span NUMERIC NOT NULL DEFAULT 0,
  repeats INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX param_code ON param(type, code);
CREATE TABLE key_index(
  param INTEGER, value INTEGER, date INTEGER, rid INTEGER,
  PRIMARY KEY (param, value, date, rid)) WITHOUT ROWID;
CREATE TABLE range_index(
  param INTEGER, unit INTEGER, lo NUMERIC, hi NUMERIC, rid INTEGER,
  PRIMARY KEY (param, unit, lo, hi, rid)) WITHOUT ROWID;
CREATE TABLE string_index(
  param INTEGER, folded TEXT, exact TEXT, rid INTEGER,
  PRIMARY KEY (param, folded, exact, rid)) WITHOUT ROWID;
CREATE TABLE index_entry(rid INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE newest(
  param INTEGER, value INTEGER, date INTEGER NOT NULL, PRIMARY KEY (param, value)) WITHOUT ROWID;
`;

/** Words by rid, without the texts themselves: those are in the versions. Split at blanks, see fhir/search/words.ts. */
const FULL_TEXT = `
CREATE VIRTUAL TABLE full_text USING fts5(
  narrative, content, content = '', contentless_delete = 1, tokenize = 'ascii');
`;

/**
 * How far the index of a custom search parameter has come on one type; see parameter-indexing.ts. `parameter` is the rid of
 * the SearchParameter. Live resources of the type up to position `since` are walked in order of position.
 */
const PARAMETER_INDEX = `
DROP TABLE IF EXISTS parameter_index;
CREATE TABLE parameter_index(
  type TEXT, code TEXT, parameter INTEGER NOT NULL, signature TEXT NOT NULL, since INTEGER NOT NULL,
  built_to INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, complete INTEGER NOT NULL,
  PRIMARY KEY (type, code)) WITHOUT ROWID;
`;

/** The type of each resource beside its words. What a store has is indexed anew: full-text.ts has another layout. */
const FULL_TEXT_BY_TYPE = `
DROP TABLE full_text;
CREATE VIRTUAL TABLE full_text USING fts5(
  narrative, content, type, content = '', contentless_delete = 1, tokenize = 'ascii');
`;

/**
 * The audit log: batches of records in the order of their commits, each chained to the one before it of its writer; see
 * audit-chain.ts. `heads`: ends of all chains, where the batch is a checkpoint. Rows are never changed or deleted.
 */
const AUDIT = `
CREATE TABLE audit_chain(chain INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, started INTEGER NOT NULL, site TEXT NOT NULL);
CREATE TABLE audit(
  place INTEGER PRIMARY KEY, chain INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
  lines TEXT NOT NULL, heads TEXT, hash BLOB NOT NULL);
CREATE INDEX audit_checkpoint ON audit(place) WHERE heads IS NOT NULL;
INSERT INTO setting(name, value) VALUES ('audit_followed', 0);
`;

/** See ports/records.ts. */
const RECORDS = `
CREATE TABLE record(
  kind TEXT, name TEXT, value TEXT NOT NULL, expires INTEGER, record_group TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE INDEX record_group ON record(record_group) WHERE record_group IS NOT NULL;
CREATE INDEX record_expires ON record(expires) WHERE expires IS NOT NULL;
`;

/**
 * See ports/jobs.ts. States of a part: 0 waiting, 1 leased, 2 finished. `turn`: of the job that had a part claimed last it is
 * the greatest.
 */
const JOBS = `
CREATE TABLE job(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, principal TEXT NOT NULL, state TEXT NOT NULL, spec TEXT NOT NULL,
  position INTEGER NOT NULL, time INTEGER NOT NULL, turn INTEGER NOT NULL, looked INTEGER NOT NULL DEFAULT 0,
  expires INTEGER, problem TEXT) WITHOUT ROWID;
CREATE INDEX job_state ON job(state, turn);
CREATE TABLE job_part(
  job TEXT, number INTEGER, state INTEGER NOT NULL DEFAULT 0, spec TEXT NOT NULL, total INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, lease TEXT, lease_until INTEGER, claims INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0, result TEXT, PRIMARY KEY (job, number)) WITHOUT ROWID;
CREATE INDEX job_part_open ON job_part(job, number) WHERE state < 2;
INSERT INTO setting(name, value) VALUES ('time_floor', 0);
`;

/** How far a part has come that writes resources; see JobStep in ports/jobs.ts. */
const PART_PROGRESS = 'ALTER TABLE job_part ADD COLUMN progress TEXT;';

/** Counts the changes of records, whoever makes them. */
const RECORD_GENERATION = `
INSERT INTO setting(name, value) VALUES ('record_generation', 0);
${['INSERT', 'UPDATE', 'DELETE']
  .map(
    (change) => `CREATE TRIGGER record_${change.toLowerCase()} AFTER ${change} ON record BEGIN
  UPDATE setting SET value = value + 1 WHERE name = 'record_generation';
END;`,
  )
  .join('\n')}
`;

/** Audit records are text by columns since (audit-text.ts). An older version would misread them, so it is to refuse the file. */
const AUDIT_BY_COLUMNS = '-- nothing but the version';

/** What has a range has a key since (PRESENT in index-rows.ts). An older version would write resources without, so it is to refuse the file. */
const INDEX_OF_PRESENCE = '-- nothing but the version';

/** Keys of pairs begin with the code since (pair-key.ts). An older version would write others, so it is to refuse the file. */
const PAIRS_BY_CODE = '-- nothing but the version';

/** The newest date of each patient's resources is kept since (newest.ts). An older version would not follow it, so it is to refuse the file. */
const NEWEST_OF_PATIENTS = '-- nothing but the version';

/** Step n makes version n of version n − 1. */
const STEPS: readonly string[] = [
  RESOURCES,
  INDEX_TABLES,
  FULL_TEXT,
  PARAMETER_INDEX,
  FULL_TEXT_BY_TYPE,
  AUDIT,
  RECORDS,
  JOBS,
  PART_PROGRESS,
  RECORD_GENERATION,
  AUDIT_BY_COLUMNS,
  INDEX_OF_PRESENCE,
  PAIRS_BY_CODE,
  NEWEST_OF_PATIENTS,
];

export const SCHEMA_VERSION = STEPS.length;

/** Refuses files that are no store of this or an older version. */
export function checkVersion(connection: Connection): void {
  const version = Number(connection.pragma('user_version'));
  const application = Number(connection.pragma('application_id'));
  const [objects = 0] = connection.get<[number]>('SELECT count(*) FROM sqlite_schema') ?? [];
  if (application !== APPLICATION_ID && (objects > 0 || version !== 0)) {
    throw new StoreError(
      'another-application',
      `The file ${connection.file} is the database of another application: name another file.`,
    );
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'newer',
      `The store ${connection.file} has version ${version} and this Fairway knows versions up to ${SCHEMA_VERSION}: ` +
        'use the newer Fairway that wrote it, or restore a backup of the older version.',
    );
  }
}

/**
 * A process may have the file open while a newer program makes another of it: what it would read and write from then on is wrong.
 * Asked whenever something has changed the store, and before each group of commits.
 */
export function refuseNewer(connection: Connection): void {
  const [version = SCHEMA_VERSION] = connection.get<[number]>('PRAGMA user_version') ?? [];
  if (version <= SCHEMA_VERSION) return;
  throw new Refusal(
    'unavailable',
    'A newer version of Fairway has taken over the store: this process neither reads nor writes it. Stop it, and ask the newer one.',
  );
}

/** Brings a file (new, or of an older version) to the version of this program, in one transaction. */
export function migrate(connection: Connection): void {
  checkVersion(connection);
  if (Number(connection.pragma('user_version')) === SCHEMA_VERSION) return;
  connection.transaction(() => {
    const from = Number(connection.pragma('user_version'));
    for (const step of STEPS.slice(from)) connection.execute(step);
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    connection.pragma(`user_version = ${SCHEMA_VERSION}`);
  });
}
