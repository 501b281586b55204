/**
 * The log of a process: pino, one JSON object per line, written apart from the work so that a slow pipe holds nothing up.
 * https://github.com/pinojs/pino
 */
import { destination, pino } from 'pino';
import type { Logger } from '../base/log.js';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

export interface ProcessLog extends Logger {
  /** Level debug: every request gets its line. */
  readonly everyRequest: boolean;
}

/** `file`: 1 = standard output (the server), 2 = standard error (commands, whose output is their result). */
export function openLog(level: LogLevel, file: 1 | 2): ProcessLog {
  const log = pino(
    { level, base: { pid: process.pid }, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ dest: file, sync: false }),
  );
  return {
    everyRequest: level === 'debug',
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}

/**
 * An error that no request waits for leaves the process in an unknown state: it is logged, by class and place alone because
 * its message may quote a resource, and the process ends. A primary starts another.
 */
export function endOnDefect(log: Logger): void {
  process.on('uncaughtException', (error: unknown) => {
    const frames =
      error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
    const name = error instanceof Error ? error.name : typeof error;
    log.error(
      { error: name, stack: frames.join('\n') },
      'unexpected error outside of requests: the process ends',
    );
    process.exit(1);
  });
}
