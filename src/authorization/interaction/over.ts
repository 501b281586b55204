/** What a person is told when an interaction cannot go on. */
import type { ServerResponse } from 'node:http';
import { pageHeaders } from '../pages/frame.js';
import { tellingPage } from '../pages/plain-pages.js';

export const START_AGAIN = 'Go back to the app and start again.';

/** The interaction's cookie or its record is gone. */
export function isOver(error: unknown): boolean {
  return error instanceof Error && error.name === 'SessionNotFound';
}

export function tell(response: ServerResponse, status: number, title: string, text: string): void {
  response.writeHead(status, pageHeaders()).end(tellingPage({ title, text }));
}
