/** Secrets that settings name by their files. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.js';

/** Throws ConfigError, which names the file and the variable and nothing of what is in it. */
export function secretIn(file: string, variable: string): string {
  try {
    const secret = readFileSync(file, 'utf8').trim();
    if (secret !== '') return secret;
    throw new ConfigError([`${file} is empty: it must hold what ${variable} is for.`]);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ConfigError([`${file} cannot be read (${code}): check ${variable}.`]);
  }
}
