// Prints what happens in a community: one's inbox, a room, a board, the feed.

import { parseArgs } from 'node:util';
import { Live } from './live.js';
import { Numbers } from './numbers.js';
import { Page, Printer } from './printer.js';
import { Session } from './session.js';

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      server: { type: 'string', default: 'http://127.0.0.1:8080' },
      login: { type: 'string', default: 'root_admin' },
      board: { type: 'string', default: 'Coffee' }, // its name
      room: { type: 'string' }, // its id; the first one of the list where it is left out
      numbers: { type: 'string', default: 'numbers.json' },
    },
  });
  const password = process.env.PARLEY_PASSWORD ?? 'open the pod bay doors'; // command lines can be read by others
  const session = await Session.signIn(options.server!, options.login!, password);

  const topics = new Set(['inbox', 'feed']);
  const board = await find(session, '/v1/boards', (b: { id: string; name: string }) => b.name === options.board);
  if (!board) throw new Error(`there is no board ${options.board}: fill the server with "make sample" first`);
  topics.add(`board:${board.id}`);
  const room = options.room ?? (await find(session, '/v1/rooms', (_: { id: string }) => true))?.id;
  if (room) topics.add(`room:${room}`);

  const live = new Live(session, topics, new Numbers(options.numbers!), new Printer(session));
  process.once('SIGINT', () => live.stop());
  process.once('SIGTERM', () => live.stop());
  await live.run();
}

/** The first of a list that is wanted, page by page. */
async function find<T>(session: Session, path: string, wanted: (item: T) => boolean): Promise<T | undefined> {
  for (let cursor = ''; ; ) {
    const page: Page<T> = await session.call('GET', path + (cursor && `?cursor=${encodeURIComponent(cursor)}`));
    const found = page.items.find(wanted);
    if (found || page.next === null) return found;
    cursor = page.next;
  }
}

main().catch((error) => {
  console.error(`live: ${error.message}${error.cause ? ` (${error.cause.message || error.cause.code})` : ''}`);
  process.exitCode = 1;
});
