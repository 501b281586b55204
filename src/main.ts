#!/usr/bin/env node
/**
 * The entry: reads the environment once, and puts together what each command needs. What a command does not need is not
 * loaded.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type CommandEntry, type Globals, runProgram } from './cli/program.js';
import { type Config, ConfigError, type ConfigFile, readConfig, strangeVariables } from './config.js';
import { SOFTWARE_VERSION } from './wiring/software-version.js';

const environment = process.env;

function configOf(globals: Globals): Config {
  return readConfig(configFile(globals.config ?? environment.FAIRWAY_CONFIG), environment);
}

function configFile(name: string | undefined): ConfigFile | undefined {
  if (name === undefined || name === '') return undefined;
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ConfigError([
      `The configuration file ${name} cannot be read (${code}): check --config and FAIRWAY_CONFIG.`,
    ]);
  }
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    summary: 'runs the server',
    load: async (globals) => {
      const { serveCommand } = await import('./cli/serve.js');
      return serveCommand({
        serve: async () => {
          const config = configOf(globals());
          const { config: file } = globals();
          const { serve } = await import('./wiring/serving.js');
          return serve({
            config,
            warnings: strangeVariables(environment),
            demoWords: ['load-demo', ...(file === undefined ? [] : ['--config', file])],
            jobWords: ['run-jobs', ...(file === undefined ? [] : ['--config', file])],
          });
        },
      });
    },
  },
  {
    name: 'load',
    summary: 'loads bundles, NDJSON, .gz and folders into the store',
    load: async (globals) => {
      const { loadCommand } = await import('./cli/load.js');
      const { openForCommand } = await import('./wiring/command-tenant.js');
      return loadCommand({
        openTenant: () => openForCommand(configOf(globals())),
        input: process.stdin,
        output: process.stdout,
        status: process.stderr,
        exit: (code) => {
          process.exitCode = code;
        },
      });
    },
  },
  {
    name: 'export',
    summary: 'pulls data from another server by FHIR Bulk Data',
    load: async (globals) => {
      const { exportCommand } = await import('./cli/export.js');
      const { pull } = await import('./jobs/bulk-client/pull.js');
      const { pullParts } = await import('./wiring/pulling.js');
      return exportCommand({
        pull: (wanted, listener) => pull(wanted, pullParts(wanted, configOf(globals())), listener),
        readFile: (file) => readFileSync(file, 'utf8'),
        output: process.stdout,
        status: process.stderr,
        exit: (code) => {
          process.exitCode = code;
        },
      });
    },
  },
  {
    name: 'sources',
    summary: 'lists and runs the servers that data is pulled from on a schedule',
    load: async (globals) => {
      const { sourcesCommand } = await import('./cli/sources.js');
      const { withSources } = await import('./wiring/sources.js');
      return sourcesCommand({
        withSources: (work) => withSources(configOf(globals()), work),
        output: process.stdout,
        status: process.stderr,
        exit: (code) => {
          process.exitCode = code;
        },
      });
    },
  },
  {
    name: 'load-demo',
    summary: 'loads the demo population',
    hidden: true,
    load: async (globals) => {
      const { loadDemoCommand } = await import('./cli/load-demo.js');
      const { loadDemoPopulation } = await import('./wiring/demo-population.js');
      return loadDemoCommand({ load: () => loadDemoPopulation(configOf(globals())) });
    },
  },
  {
    name: 'run-jobs',
    summary: 'works on jobs such as exports',
    hidden: true,
    load: async (globals) => {
      const { runJobsCommand } = await import('./cli/run-jobs.js');
      const { runJobs } = await import('./wiring/job-process.js');
      return runJobsCommand({ run: () => runJobs(configOf(globals())) });
    },
  },
  {
    name: 'demo-data',
    summary: 'writes a generated population as files',
    load: async () => {
      const { demoDataCommand } = await import('./cli/demo-data.js');
      const { Progress } = await import('./cli/progress.js');
      return demoDataCommand({
        output: process.stdout,
        progress: (label, total) => new Progress(process.stderr, label, total),
      });
    },
  },
  {
    name: 'client',
    summary: 'registers applications and services, lists and disables them',
    load: async (globals) => {
      const { clientCommand } = await import('./cli/client.js');
      return clientCommand({
        withClients: async (work) => {
          const config = configOf(globals());
          const { withClients } = await import('./wiring/authorization.js');
          return withClients(config, (clients) =>
            work({
              add: (wanted) => clients.add(wanted, config.clientApproval ? 'pending' : 'active'),
              list: () => clients.list(),
              setStatus: (id, status) => clients.setStatus(id, status),
              rotate: (id, jwks) => clients.rotate(id, jwks),
            }),
          );
        },
        withInitialTokens: async (work) => {
          const { withInitialTokens } = await import('./wiring/authorization.js');
          return withInitialTokens(configOf(globals()), work);
        },
        readFile: (file) => readFileSync(file, 'utf8'),
        output: process.stdout,
      });
    },
  },
  {
    name: 'user',
    summary: 'adds the people who may sign in, lists and disables them',
    load: async (globals) => {
      const { userCommand } = await import('./cli/user.js');
      return userCommand({
        withUsers: async (work) => {
          const { withUsers } = await import('./wiring/authorization.js');
          return withUsers(configOf(globals()), (users, links) =>
            work({
              add: (wanted) => users.add(wanted),
              list: () => users.list(),
              setStatus: (login, status) => users.setStatus(login, status),
              setPassword: (login, password) => users.setPassword(login, password),
              unlink: async (login) => links.unlink((await users.existing(login)).subject),
            }),
          );
        },
        readInput: async () => {
          const { text } = await import('node:stream/consumers');
          return text(process.stdin);
        },
        output: process.stdout,
      });
    },
  },
  {
    name: 'keys',
    summary: 'shows and rotates the keys that id_tokens are signed with',
    load: async (globals) => {
      const { keysCommand } = await import('./cli/keys.js');
      return keysCommand({
        withKeys: async (work) => {
          const { withSigningKeys } = await import('./wiring/authorization.js');
          return withSigningKeys(configOf(globals()), work);
        },
        output: process.stdout,
      });
    },
  },
  {
    name: 'backup',
    summary: 'copies the store to a file, while the server may run',
    load: async (globals) => {
      const { backupCommand } = await import('./cli/backup.js');
      const { copyStore } = await import('./stores/sqlite/backup.js');
      const { storeFile } = await import('./wiring/tenant.js');
      return backupCommand({
        copyStore: (file, onProgress) => copyStore(storeFile(configOf(globals())), file, onProgress),
        output: process.stdout,
        status: process.stderr,
      });
    },
  },
  {
    name: 'restore',
    summary: 'puts a backup in the place of the store',
    load: async (globals) => {
      const { restoreCommand } = await import('./cli/restore.js');
      const { restoreBackup } = await import('./stores/sqlite/backup.js');
      const { storeFile } = await import('./wiring/tenant.js');
      return restoreCommand({
        target: () => storeFile(configOf(globals())),
        exists: existsSync,
        restore: (file, target) => {
          mkdirSync(dirname(target), { recursive: true });
          restoreBackup(file, target);
        },
        output: process.stdout,
      });
    },
  },
  {
    name: 'audit',
    summary: 'verifies and exports the audit log',
    load: async (globals) => {
      const { auditCommand } = await import('./cli/audit.js');
      const { Progress } = await import('./cli/progress.js');
      const { auditTrailOf } = await import('./wiring/audit-trail.js');
      const { storeFile } = await import('./wiring/tenant.js');
      return auditCommand({
        trail: () => auditTrailOf(storeFile(configOf(globals()))),
        progress: (label, total) => new Progress(process.stderr, label, total),
        output: process.stdout,
        exit: (code) => {
          process.exitCode = code;
        },
      });
    },
  },
  {
    name: 'doctor',
    summary: 'checks the set-up and says what is wrong',
    load: async (globals) => {
      const { doctorCommand } = await import('./cli/doctor.js');
      const { doctorChecks } = await import('./wiring/doctor-checks.js');
      const { configSchema } = await import('./config-schema.js');
      const { serialisePretty } = await import('./fhir/format/serialise.js');
      return doctorCommand({
        checks: () =>
          doctorChecks({
            config: () => configOf(globals()),
            strangeVariables: () => strangeVariables(environment),
          }),
        schema: () => serialisePretty(configSchema()),
        output: process.stdout,
      });
    },
  },
];

// `fairway doctor | head`: whoever has read enough closes the pipe, and that is no defect.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

const status = await runProgram(
  {
    version: SOFTWARE_VERSION,
    commands: COMMANDS,
    output: process.stdout,
    errors: process.stderr,
    debug: (environment.FAIRWAY_DEBUG ?? '') !== '',
  },
  process.argv.slice(2),
);
process.exitCode ??= status;
// The channel to a primary would keep a worker that has ended, well or not, from ending.
if (process.connected) process.disconnect();
