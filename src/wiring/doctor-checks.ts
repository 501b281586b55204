/**
 * All that `fairway doctor` checks, in the order in which one thing rests on another. What needs the configuration is
 * left out where that cannot be read.
 */
import { existsSync, readFileSync } from 'node:fs';
import { systemClock } from '../base/clock.js';
import type { Check } from '../cli/doctor.js';
import { clockCheck, diskCheck, folderCheck, nodeCheck, portCheck } from '../cli/machine-checks.js';
import { type Config, ConfigError, issuerOf } from '../config.js';
import { readDefinitions } from '../definitions-file.js';
import { checkAccess, checkSearches, compiledConditions } from './access-check.js';
import { makeFolder } from './data-folder.js';
import { tryFiles } from './files.js';
import { issuerChecks } from './issuer-checks.js';
import { sourceChecks } from './sources.js';
import { storeFile } from './tenant.js';

export interface DoctorParts {
  readonly config: () => Config;
  /** Variables that look like settings and are none. */
  readonly strangeVariables: () => readonly string[];
}

export function doctorChecks({ config, strangeVariables }: DoctorParts): readonly Check[] {
  const settings = (): string => {
    const { auth, host, port } = config();
    const strange = strangeVariables();
    if (strange.length > 0) throw new ConfigError(strange);
    return `valid (${auth} access, ${host}:${port})`;
  };
  return [
    nodeCheck(process.versions.node),
    { name: 'SQLite driver', run: driver },
    { name: 'configuration', run: settings },
    { name: 'FHIR definitions', run: definitions },
    ...machineAndStore(config),
    clockCheck(systemClock.now),
  ];
}

function machineAndStore(config: () => Config): readonly Check[] {
  let known: Config;
  try {
    known = config();
  } catch (error) {
    if (error instanceof ConfigError) return []; // the check of the configuration says so
    throw error;
  }
  const { dataDir, host, port, auth, tlsCert, tlsKey } = known;
  return [
    {
      name: 'access',
      run: async () => {
        const definitions = readDefinitions();
        checkAccess(known, definitions);
        await compiledConditions(known);
        checkSearches(known, definitions);
        return auth === 'open' ? 'open to every program of this machine' : `by tokens of ${issuerOf(known)}`;
      },
    },
    ...[tlsCert, tlsKey].flatMap((file) => (file === undefined ? [] : [readable(file)])),
    folderCheck(dataDir, makeFolder),
    diskCheck(dataDir),
    { name: 'files of jobs', run: () => tryFiles(known) },
    { name: 'store', run: () => soundStore(storeFile(known)) },
    ...sourceChecks(known),
    portCheck(host, port),
    ...(auth === 'smart' ? issuerChecks(known) : []),
  ];
}

function readable(file: string): Check {
  return {
    name: 'certificate',
    run: () => {
      if (!readFileSync(file, 'utf8').includes('-----BEGIN ')) throw new Error(`${file} is not a PEM file.`);
      return file;
    },
  };
}

async function driver(): Promise<string> {
  try {
    const { Connection } = await import('../stores/sqlite/connection.js');
    const connection = Connection.open(':memory:', 'control');
    const [version = ''] = connection.get<[string]>('SELECT sqlite_version()') ?? [];
    connection.close();
    return `SQLite ${version}`;
  } catch (error) {
    throw new Error(
      `better-sqlite3 does not load (${error instanceof Error ? error.message.split('\n')[0] : 'unknown'}): run ` +
        '`npm rebuild better-sqlite3` with this Node; where no ready-made binary exists it needs python3, make and g++.',
    );
  }
}

function definitions(): string {
  const { fhirVersion, resourceTypes } = readDefinitions();
  return `FHIR ${fhirVersion}, ${resourceTypes.size} resource types`;
}

async function soundStore(file: string): Promise<string> {
  if (!existsSync(file)) return 'none yet: the first start makes it';
  const { Connection } = await import('../stores/sqlite/connection.js');
  const { checkVersion } = await import('../stores/sqlite/migrations.js');
  const connection = Connection.open(file, 'reader');
  try {
    checkVersion(connection);
    const found = String(connection.pragma('quick_check(1)'));
    if (found === 'ok') return `${file} is sound`;
  } finally {
    connection.close();
  }
  throw new Error(`${file} is damaged: stop the server and restore a backup (fairway restore).`);
}
